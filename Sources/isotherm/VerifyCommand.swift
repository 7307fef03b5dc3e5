import ArgumentParser
import Console
import Studies

/// `isotherm verify information`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compare what is computed with known answers.",
    subcommands: [VerifyInformationCommand.self])
}

/// `isotherm verify information`
struct VerifyInformationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "information",
    abstract: "Estimators against distributions whose mutual information is known.",
    discussion: """
      5,000 samples each, in nats: normals up to 50 + 50 dimensions, images of them, noise, heavy tails, mixtures, bits, \
      pictures and texts; how often intervals hold the truth; identities. Takes a minute or two. Exit status 1 when a \
      row falls outside its tolerance; a value of auto that is off counts as outside only when no flag says so.
      """)

  @OptionGroup var common: CommonOptions

  func run() throws {
    let progress = ProgressLine(common.progress)
    let rows = try InformationVerification(threads: common.threadCount) { title in
      progress.begin(title)
      progress.update(0, of: 1, unit: "rows")
    }.run()
    progress.end("\(rows.count) rows")
    try Verification(rows: rows).tell(json: common.json)
  }
}

/// The rows of a verification.
struct Verification: Encodable {
  let rows: [VerificationRow]
  let passed: Bool

  init(rows: [VerificationRow]) {
    self.rows = rows
    passed = rows.allSatisfy(\.passed)
  }

  /// Prints them; exit status 1 when one is outside its tolerance.
  func tell(json: Bool) throws {
    if json {
      try Console.output(json: self)
    } else {
      var table = Table(["", "expected", "found", "error", "tolerance", "note"])
      for row in rows {
        table.add([
          (row.passed ? "" : "FAILED ") + row.name, Format.fixed(row.expected, 4),
          Format.fixed(row.found, 4), Format.fixed(row.error, 4),
          row.tolerance.isFinite ? Format.fixed(row.tolerance, 3) : "flagged", row.note,
        ])
      }
      Console.output(table.text)
      let failed = rows.filter { !$0.passed }.count
      Console.output(
        failed == 0
          ? "\nAll \(rows.count) rows are within their tolerance."
          : "\n\(failed) of \(rows.count) rows are outside their tolerance.")
    }
    if !passed { throw ExitCode(1) }
  }
}
