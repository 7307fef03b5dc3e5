import ArgumentParser
import Foundation

/// The options every program takes.
public struct CommonOptions: ParsableArguments {
  /// Whether results are one JSON document.
  @Flag(name: .long, help: "Print results as one JSON document on stdout.")
  public var json = false

  /// Number of threads; all processors when not given.
  @Option(name: .long, help: "Threads to use (default: all processors).")
  public var threads: Int?

  /// How progress is told.
  @Option(name: .long, help: "bar, json or none (default: bar on a terminal, none elsewhere).")
  public var progress: ProgressStyle?

  /// No options.
  public init() {}

  /// Refuses impossible values.
  public func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024, found \(threads)")
    }
  }

  /// Number of threads to use.
  public var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }
}
