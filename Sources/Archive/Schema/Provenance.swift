import Arrays
import Foundation
import HDF5

/// Where an archive comes from: enough to run it again.
public struct Provenance: Sendable, Codable {
  /// An archive that this one was made from.
  public struct Source: Sendable, Codable {
    /// Its path when it was read.
    public var path: String
    /// Its run id.
    public var runID: String
    /// Its logical hash; of a file that is no archive, sha256 of its bytes.
    public var sha256: String
    /// What messages call it; not stored.
    public var noun = "source"

    private enum CodingKeys: CodingKey { case path, runID, sha256 }

    /// A source.
    public init(path: String, runID: String, sha256: String, noun: String = "source") {
      (self.path, self.runID, self.sha256, self.noun) = (path, runID, sha256, noun)
    }
  }

  /// The configuration, YAML.
  public var configuration: String
  /// The command line.
  public var command: [String]
  /// The seed of every random path.
  public var seed: UInt64
  /// Kernels of the matrix product; they decide the last bit.
  public var blasCore: String
  /// What it was made from.
  public var sources: [Source]
  /// When it began.
  public var started: Date
  /// The texts of an archive that is written anew, kept word for word; nil for what this process makes.
  var kept: [String: String]?
  /// The process that began it; nil in what earlier versions wrote.
  var origin: Session?
  /// The processes that wrote rows, in order, where there were several.
  var sessions: [Session]?

  /// Provenance of what this process is about to write.
  public init(
    configuration: String, seed: UInt64, blasCore: String, sources: [Source] = [],
    command: [String] = Provenance.commandLine
  ) {
    (self.configuration, self.command, self.seed) = (configuration, command, seed)
    (self.blasCore, self.sources) = (blasCore, sources)
    started = Date()
    origin = Session(command: command, blasCore: blasCore, started: started)
  }

  /// The command line of this process; the program by its name, wherever it lies.
  public static var commandLine: [String] {
    let name = (CommandLine.arguments.first ?? "").split(separator: "/").last.map(String.init)
    return [name ?? ""] + CommandLine.arguments.dropFirst()
  }

  /// Words as a POSIX shell reads them: pasted, they are the same command.
  public static func shellLine(_ words: [String]) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
    return words.map { word in
      !word.isEmpty && word.allSatisfy(plain.contains)
        ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }

  /// Version of these programs: here alone, and above the newest entry of CHANGELOG.md.
  public static let version = "0.1.0"

  /// Every scalar text of `/provenance`, by name.
  func texts(finished: Date?) -> [(name: String, text: String, longName: String)] {
    let origin = origin ?? Session(command: command, blasCore: blasCore, started: started)
    func text(_ name: String) -> String { Session.joined(name, sessions ?? [origin]) }
    let items = [
      ("configuration", configuration, "configuration, YAML"),
      ("command", origin.texts["command"] ?? "", "command line"),
      ("seed", String(seed), "seed of every random path"),
      ("version", text("version"), "version of Isotherm"),
      ("commit", text("commit"), "source commit the binary was found beside"),
      (
        "dirty", text("dirty"),
        "sha256 of the uncommitted difference of the source, empty when clean"
      ),
      (
        "environment", origin.texts["environment"] ?? "",
        "threads, libraries and variables, JSON"
      ),
      ("started", (sessions?.first ?? origin).texts["started"] ?? "", "start of writing, UTC"),
      ("finished", finished.map { Session.clock.string(from: $0) } ?? "", "end of writing, UTC"),
      ("processor", text("processor"), "processor of the host"),
      ("blas_core", text("blas_core"), "kernels OpenBLAS chose"),
    ]
    guard let kept else { return items }
    return items.map { name, text, longName in
      // What is sealed by another process than the one that wrote it ends now.
      (name, kept[name] ?? (name == "finished" ? text : ""), longName)
    }
  }

  static let processor: String = {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let name = line.split(separator: ":").last
    else { return "unknown" }
    return name.trimmingCharacters(in: .whitespaces)
  }()

  static let environment: String = {
    let variables = ProcessInfo.processInfo.environment.filter {
      $0.key.hasPrefix("OPENBLAS") || $0.key.hasPrefix("OMP_") || $0.key.hasPrefix("HDF5_")
    }
    let content: [String: Any] = [
      "variables": variables, "hdf5": hdf5Version(),
      "processors": ProcessInfo.processInfo.activeProcessorCount,
      "system": ProcessInfo.processInfo.operatingSystemVersionString,
    ]
    let data = try? JSONSerialization.data(withJSONObject: content, options: [.sortedKeys])
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }()
}
