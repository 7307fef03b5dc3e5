import Archive
import Console

/// What an analysis of archives gives: a table for people, arrays for a metrics file.
///
/// An analysis reads its archives when it is made; both results are of what it read then.
package protocol Analysis {
  /// The table, with the notes that say what its numbers mean.
  func report() -> Report
  /// The numbers with all digits, intervals and nulls beside them.
  func arrays() -> [CompleteArray]
}
