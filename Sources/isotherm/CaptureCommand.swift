import Archive
import ArgumentParser
import Arrays
import Console
import Studies

extension DataSplit: ExpressibleByArgument {}

/// `isotherm capture NETWORK --tokens FILE:/array -o NAME`
struct CaptureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture",
    abstract: "Run a network over data, and archive its states and maps.",
    discussion: """
      NETWORK is what isotherm import or isotherm train wrote. One of isotherm train is run over the samples of its data set (--split) \
      unless arrays are named. Arrays are named FILE:/array in HDF5 files and FILE.npz:name in those of NumPy. --taps \
      are patterns over residual.0.pre, residual.L.mid|post, attention.L.map, final_norm.output, logits and pooled; without them all \
      but residual.L.mid; networks of isotherm train have those of capture.taps too. Samples are streamed: memory does not depend on their number. Nothing attends to what --mask says is \
      padding, and what is archived at padding itself stands for nothing.
      """)

  enum StoredType: String, CaseIterable, ExpressibleByArgument {
    case float32, float16, bfloat16

    var element: ElementType {
      switch self {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      }
    }
  }

  @Argument(help: "Network: NAME.h5 of isotherm import or isotherm train.")
  var network: String

  @OptionGroup var output: OutputOptions

  @Option(help: ArgumentHelp("Token ids [sample, position].", valueName: "file:/array"))
  var tokens: String?

  @Option(
    help: ArgumentHelp("1 at tokens and 0 at padding [sample, position].", valueName: "file:/array")
  )
  var mask: String?

  @Option(help: ArgumentHelp("Pixels [sample, channel, y, x].", valueName: "file:/array"))
  var images: String?

  @Flag(help: "Take the pixels as they are: already normalised as the network wants them.")
  var asIs = false

  @Option(
    help:
      "Samples of the data set that a network of isotherm train learned from: test (default) or train."
  )
  var split: DataSplit?

  @Option(parsing: .upToNextOption, help: ArgumentHelp("What is captured.", valueName: "glob"))
  var taps: [String] = []

  @Option(help: "Type that values are stored in: float32, float16 or bfloat16.")
  var type = StoredType.float32

  @Option(
    help: ArgumentHelp("Samples, the end not included (default: all).", valueName: "first:end"))
  var samples: String?

  @Option(help: "Number of the network's checkpoint, from 0 (default: the last).")
  var checkpoint: Int?

  @Flag(help: "Print what would be written and stop.")
  var dryRun = false

  @OptionGroup var common: CommonOptions
  @OptionGroup var resuming: ResumeOptions

  func run() throws {
    guard images == nil || asIs else {
      throw UsageError(
        "--images needs --as-is: pixels are taken as they are, so normalise them as the network wants first"
      )
    }
    let progress = ProgressLine(common.progress)
    let capture = try NetworkCapture(
      network, .init(tokens: tokens, mask: mask, images: images, samples: samples), split: split,
      taps: taps, type: type.element, checkpoint: checkpoint, threads: common.threadCount,
      progress: progress)
    if dryRun { return try show(try capture.plan()) }
    let (place, beginning) = (try output.place(), try resuming.beginning(output))
    try resuming.check(output, [network] + capture.files)
    progress.note(Self.summary(try capture.plan()))
    let path = try Interruption.during(NetworkCapture.advice, grace: 1.2) {
      try capture.run(out: place, beginning, commitSeconds: resuming.commitSeconds)
    }
    try Written(path: path).tell(json: common.json)
  }

  private func show(_ plan: NetworkCapture.Plan) throws {
    if common.json { return try Console.output(json: plan) }
    var table = Table(["array", "shape", "bytes"])
    for array in plan.arrays {
      table.add([
        array.path, array.shape.map(String.init).joined(separator: " x "),
        Format.bytes(array.bytes),
      ])
    }
    Console.output(table.text)
    Console.output("\n" + Self.summary(plan))
  }

  private static func summary(_ plan: NetworkCapture.Plan) -> String {
    "\(plan.samples) samples, \(plan.arrays.count) arrays, \(Format.bytes(plan.bytes)) before compression; about "
      + "\(Format.duration(plan.seconds)) and \(Format.bytes(plan.memory)) of memory."
  }
}
