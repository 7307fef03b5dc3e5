import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm tokenize DATA.h5 --vocabulary N -o NAME`
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Learn a byte-pair tokenizer from a set of passages and store it with them.",
    discussion: """
      The tokenizer is learned from the training split alone. Studies whose data.file has no tokenizer learn one of \
      data.vocabulary tokens themselves, with the same result; a stored one saves that time and travels with the data.
      """)

  @Argument(help: "Data set of passages (HDF5).")
  var file: String

  @Option(help: "Number of tokens, the 256 bytes included.")
  var vocabulary = 1024

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    guard (257...65_536).contains(vocabulary) else {
      throw UsageError("--vocabulary: expected a number from 257 to 65536, found \(vocabulary)")
    }
    let place = try output.place()
    let source = DataLocation.resolve(file)
    try OutputGuard([source]).check(archive: place, replacing: output.force)
    let outcome = try TokenizedSet(source, vocabulary: vocabulary)
      .write(out: place, force: output.force)
    if common.json { return try Console.output(json: outcome) }
    Console.output(
      "\(outcome.path): \(outcome.vocabulary) tokens, \(Format.fixed(outcome.charactersPerToken, 2)) "
        + "characters a token on the test split")
  }
}
