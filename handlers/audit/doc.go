// Package audit keeps the record of who called what: one line of JSON a tool call, each sealed to the one before, in a file
// that is rotated and never rewritten.
//
// # The seal
//
// A line is a JSON object that ends with the members prev and hash, and a line break. prev is the hash of the line before it,
// in the same file or the one before; the very first has zeros. hash is the SHA-256, in hex, of the line as it is written,
// without that member: of everything up to the comma before "hash", and the closing brace. So a line cannot be changed,
// removed, added or moved without a line after it that no longer fits. What nobody can see from the record alone is that its
// newest lines were cut off, or that all of it was sealed anew by someone who can write the file: for that, the newest hash
// (the head) is noted elsewhere and given to toolgate audit verify as --head. Every start and stop logs it.
//
// # Who does what
//
// The function of [Log.Observer] copies what it is told into a bounded queue and returns: it never waits, not for the disk
// either. One goroutine, which [Open] starts and [Log.Close] waits for, encodes, seals and writes; it alone has the file and
// the chain. What found the queue full or could not be written is counted, and a line "gap" says so as soon as one can be
// written again.
//
// The record is locked by a file beside it, FILE.lock, as long as the Log is open. Rotation is our own code and not a
// library's because the chain goes through it: a new file begins with the seal of the last line of the one before, and what
// is removed is said in a line first.
package audit
