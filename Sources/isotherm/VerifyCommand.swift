import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm verify`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compare what is computed with known answers.",
    subcommands: [
      VerifyDynamicsCommand.self, VerifyInformationCommand.self, VerifyTransformerCommand.self,
    ])
}

/// `isotherm verify dynamics`
struct VerifyDynamicsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dynamics",
    abstract: "Steppers, diffusion and mean-field attention against exact answers.",
    discussion: """
      Orders of every stepper over five step sizes, orders in space, heat modes, mass, maximum and energy, tokens on the \
      sphere, Gaussian measures and the time of their blow-up. Exit status 1 when a row falls outside its tolerance.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try output.checkEarly()
    try Verification(rows: DynamicsVerification().run()).tell(
      "isotherm verify dynamics", output, json: common.json)
  }
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

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try output.checkEarly()
    let progress = ProgressLine(common.progress)
    let rows = try InformationVerification(threads: common.threadCount) { title in
      progress.begin(title)
      progress.update(0, of: 1, unit: "rows")
    }.run()
    progress.end("\(rows.count) rows")
    try Verification(rows: rows).tell("isotherm verify information", output, json: common.json)
  }
}

/// `isotherm verify transformer`
struct VerifyTransformerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transformer",
    abstract: "Every variant of the network against PyTorch, and its exactness.",
    discussion: """
      Loss, logits, the last residual stream and all gradients of each variant against committed results of PyTorch in \
      float64; masks that must not leak; weights that must have the same bits on any number of threads and resumed at \
      any step. Exit status 1 when a row falls outside its tolerance.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try output.checkEarly()
    try Verification(rows: TransformerVerification(threads: common.threadCount).run())
      .tell("isotherm verify transformer", output, json: common.json)
  }
}

extension OutputOptions {
  /// Refuses, before anything is computed, a place that cannot be written.
  fileprivate func checkEarly() throws {
    if let name { try OutputGuard([]).check(archive: name, replacing: force) }
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

  /// Four digits after the point, or a power of ten where those would all be 0.
  private static func small(_ value: Double) -> String {
    value == 0 || abs(value) >= 1e-3 ? Format.fixed(value, 4) : Format.short(value)
  }

  /// Four digits after the point while there is room for them.
  private static func value(_ value: Double) -> String {
    abs(value) < 1e6 ? Format.fixed(value, 4) : Format.digits(value)
  }

  /// Archives them where asked to, and prints them; exit status 1 when one is outside its tolerance.
  func tell(_ title: String, _ output: OutputOptions, json: Bool) throws {
    if let name = output.name {
      Console.note("written to \(try rows.write(title, to: name, replacing: output.force))")
    }
    if json {
      try Console.output(json: self)
    } else {
      var table = Table(["", "expected", "found", "error", "tolerance", "note"])
      for row in rows {
        table.add([
          (row.passed ? "" : "FAILED ") + row.name, Self.value(row.expected),
          Self.value(row.found), Self.small(row.error),
          row.tolerance.isFinite ? Self.small(row.tolerance) : "flagged", row.note,
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
