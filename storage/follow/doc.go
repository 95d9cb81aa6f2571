// Package follow runs the followers of the stream: what is done after an event
// and not with it. A [Runner] takes one [Follower] through every account, in
// bounded steps, and keeps beside what the follower writes how far it has come;
// on several nodes a lease decides which of them runs it. Its one rule: the cursor
// moves only after, or in the same transaction as, what it stands for, and only
// for the holder of the lease; so everything is done at least once.
package follow
