import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm evaluate NETWORK [--tokens FILE:/array] [--against OTHER]`
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Loss and accuracy of a network, and the barrier on the way to another.",
    discussion: """
      NETWORK is a run, evaluated over the test samples of its data set, or what isotherm import wrote, evaluated over --tokens or \
      --images. Right is the next token of a causal network, or what --targets names: tokens [sample, position], negative \
      where there is none, or classes [sample]. With --against, or --against-checkpoint of the same archive, the loss is followed \
      along the straight line between the weights of the two. Nulls: answers of another sample, the untrained network.
      """)

  @Argument(help: "Network: a run or an imported one, NAME.h5.")
  var network: String

  @OptionGroup var output: OutputOptions

  @Option(help: ArgumentHelp("Token ids [sample, position].", valueName: "file:/array"))
  var tokens: String?

  @Option(
    help: ArgumentHelp("1 at tokens and 0 at padding [sample, position].", valueName: "file:/array")
  )
  var mask: String?

  @Option(
    help: ArgumentHelp(
      "Pixels [sample, channel, y, x], normalised as the network wants them.",
      valueName: "file:/array"))
  var images: String?

  @Option(help: ArgumentHelp("Right answers.", valueName: "file:/array"))
  var targets: String?

  @Option(
    help: ArgumentHelp("Samples, the end not included (default: all).", valueName: "first:end"))
  var samples: String?

  @Option(help: "Number of the network's checkpoint, from 0 (default: the last).")
  var checkpoint: Int?

  @Option(help: ArgumentHelp("A second network of the same shape.", valueName: "archive"))
  var against: String?

  @Option(
    help: "Number of the second network's checkpoint, from 0 (default: the last).")
  var againstCheckpoint: Int?

  @Option(help: "Points on the way from one network to the other, ends included (default: 11).")
  var points: Int?

  @Option(help: "Seed of the untrained network and of the bootstrap.")
  var seed: UInt64 = 1

  @Flag(help: "Print comma-separated values with all digits.")
  var csv = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard points == nil || against != nil || againstCheckpoint != nil else {
      throw ValidationError(
        "--points are on the way to a second network; name it with --against or --against-checkpoint"
      )
    }
    guard (2...1001).contains(points ?? 11) else {
      throw ValidationError("--points must be between 2 and 1001, found \(points ?? 11)")
    }
  }

  func run() throws {
    let arrays = [tokens, mask, images, targets].compactMap { $0 }
    if let name = output.name {
      try OutputGuard([network, against].compactMap { $0 } + arrays.map(Self.file)).check(
        archive: name, replacing: output.force)
    }
    let run = try EvaluationRun(
      .init(
        network: network, checkpoint: checkpoint,
        data: .init(tokens: tokens, mask: mask, images: images, samples: samples),
        targets: targets, against: against, againstCheckpoint: againstCheckpoint,
        points: points ?? 11,
        seed: seed), threads: common.threadCount, progress: ProgressLine(common.progress))
    let report = try run.run(out: output.name, force: output.force)
    if common.json { return try Console.output(json: report) }
    Console.output(csv ? report.csv : report.text)
    if let path = report.path { Console.note("wrote \(path)") }
  }

  /// The file of `FILE:/array` or `FILE.npz:name`.
  private static func file(_ name: String) -> String {
    guard let colon = name.lastIndex(of: ":"), colon > name.startIndex else { return name }
    return String(name[..<colon])
  }
}
