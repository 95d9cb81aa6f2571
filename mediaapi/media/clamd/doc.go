// Package clamd lets ClamAV's daemon judge what is uploaded. Its one rule: what could not
// be judged is said to be so, and never taken for clean.
package clamd
