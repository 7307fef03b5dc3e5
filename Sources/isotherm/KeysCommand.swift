import ArgumentParser
import Console
import Studies

/// `isotherm keys [PREFIX]`
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "List the keys of a study file: what each may be, its default, what it decides.",
    discussion: "The keys are what `--set KEY=VALUE` takes too.")

  @Argument(help: "Only keys that begin so, for example training.")
  var prefix: String?

  @Flag(help: "Print a page in Markdown.")
  var markdown = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let keys = StudyConfiguration.keys.filter { key in
      prefix.map { key.name == $0 || key.name.hasPrefix($0) } ?? true
    }
    guard !keys.isEmpty else {
      let nearest = StudyConfiguration.nearestKey(to: prefix ?? "")
      throw UsageError("\(prefix ?? ""): no key begins so; did you mean \(nearest)?")
    }
    if common.json { return try Console.output(json: keys) }
    if markdown { return Console.output(Self.page(keys)) }
    for key in keys {
      Console.output(key.standard.isEmpty ? key.name : "\(key.name): \(key.standard)")
      Console.output("    \(key.words)\n    \(key.allowed)")
    }
  }

  private static func page(_ keys: [ConfigurationKey]) -> String {
    var lines = [
      "# Keys of a study file", "",
      "Written by `isotherm keys --markdown`. `--set KEY=VALUE` takes the same keys.",
    ]
    var section = ""
    for key in keys {
      let parts = key.name.split(separator: ".", maxSplits: 1).map(String.init)
      let (group, name) = parts.count > 1 ? (parts[0], parts[1]) : ("", parts[0])
      if group != section || lines.count == 3 {
        lines += ["", "## \(group.isEmpty ? "The file" : "`\(group)`")", ""]
        lines += ["| key | default | may be | decides |", "|---|---|---|---|"]
        section = group
      }
      func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
      let standard = key.standard.isEmpty ? "" : "`\(cell(key.standard))`"
      lines.append("| `\(name)` | \(standard) | \(cell(key.allowed)) | \(cell(key.words)) |")
    }
    return lines.joined(separator: "\n")
  }
}
