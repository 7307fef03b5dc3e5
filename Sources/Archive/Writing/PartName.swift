/// The name of a part file: the numbers of the first and the last commit whose rows it holds.
///
/// `part-000007.h5` is one commit; `part-000000-000015.h5` holds sixteen that were merged.
package struct PartName: Hashable, Sendable {
  /// First commit, counted from 0 when the run began.
  package let first: Int
  /// Last commit.
  package let last: Int

  /// The part of the commits `first ... last`.
  package init(_ first: Int, _ last: Int? = nil) {
    (self.first, self.last) = (first, last ?? first)
  }

  /// Reads a file name; nil when it is not a part's.
  package init?(file: String) {
    guard file.hasPrefix("part-"), file.hasSuffix(".h5") else { return nil }
    let numbers = file.dropFirst(5).dropLast(3).split(
      separator: "-", omittingEmptySubsequences: false)
    guard let first = numbers.first.flatMap({ Int($0) }), (1...2).contains(numbers.count),
      let last = numbers.last.flatMap({ Int($0) }), first >= 0, last >= first
    else { return nil }
    self.init(first, last)
  }

  /// Number of commits.
  package var commitCount: Int { last - first + 1 }

  /// File name in the run's folder.
  package var file: String {
    func digits(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 6 - String(number).count)) + String(number)
    }
    return "part-\(digits(first))\(last > first ? "-" + digits(last) : "").h5"
  }
}
