package search

// MaxWord is the longest word in bytes.
const MaxWord = maxWord
