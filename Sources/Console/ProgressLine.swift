import ArgumentParser
import Foundation

/// How a program tells about its progress.
public enum ProgressStyle: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// A line that is drawn again and again.
  case bar
  /// One JSON object a line on stderr.
  case json
  /// Nothing.
  case none
}

/// Tells on stderr how far a long job is, what it runs at, and how much time is left.
///
/// Thread-safe: the recorder's events come from its own threads.
public final class ProgressLine: @unchecked Sendable {
  private let style: ProgressStyle
  private let lock = NSLock()
  private var began = ContinuousClock.now
  private var lastDraw: ContinuousClock.Instant?
  private var title = ""
  private var drawn = false
  private let isSilent: Bool

  /// Progress in this style; by default a bar on a terminal and nothing elsewhere.
  public init(_ style: ProgressStyle?) {
    self.style = style ?? (Console.isTerminal ? .bar : .none)
    isSilent = false
  }

  private init(silent: ()) { (style, isSilent) = (.none, true) }

  /// Progress that nobody is told, notes included: of a process that works for another.
  public static var silent: ProgressLine { ProgressLine(silent: ()) }

  /// Begins a stage called `title`.
  public func begin(_ title: String) {
    lock.lock()
    defer { lock.unlock() }
    clearLine()
    self.title = title
    began = .now
    lastDraw = nil
  }

  /// `done` of `total` units are done; the time left follows from their rate unless it is given.
  public func update(
    _ done: Int, of total: Int, unit: String, detail: String = "", secondsLeft: Double? = nil
  ) {
    lock.lock()
    defer { lock.unlock() }
    let now = ContinuousClock.now
    let isDue = lastDraw.map { now - $0 > .milliseconds(100) } ?? true
    guard style != .none, isDue || done == total else { return }
    lastDraw = now
    let elapsed = max((now - began) / .seconds(1), 1e-6)
    let rate = Double(done) / elapsed
    let left = secondsLeft ?? (rate > 0 ? Double(total - done) / rate : 0)
    if style == .json {
      let event: [String: Any] = [
        "event": "progress", "stage": title, "done": done, "total": total, "unit": unit,
        "rate": rate, "seconds_left": left,
      ]
      line(event)
      return
    }
    let width = 24
    let filled = total > 0 ? min(width, done * width / total) : width
    let bar = String(repeating: "━", count: filled) + String(repeating: "╌", count: width - filled)
    let percent = total > 0 ? 100 * done / total : 100
    let text =
      "\(title) \(bar) \(percent) %  \(Format.short(rate)) \(unit)/s  \(Format.duration(left)) left"
      + (detail.isEmpty ? "" : "  \(detail)")
    Console.write("\r\u{1B}[2K" + text, to: .narration)
    drawn = true
  }

  /// Ends the stage and leaves one line about it.
  public func end(_ summary: String = "") {
    lock.lock()
    defer { lock.unlock() }
    clearLine()
    if style == .bar {
      let time = Format.duration((ContinuousClock.now - began) / .seconds(1))
      Console.note("\(title): \(summary.isEmpty ? "done" : summary) (\(time))")
    }
  }

  /// A line for people; shown in every style but JSON.
  public func note(_ text: String) {
    guard !isSilent else { return }
    lock.lock()
    defer { lock.unlock() }
    clearLine()
    if style == .json { line(["event": "note", "text": text]) } else { Console.note(text) }
  }

  /// An event for programs; shown in the JSON style only.
  public func event(_ fields: [String: Any]) {
    guard style == .json else { return }
    lock.lock()
    defer { lock.unlock() }
    line(fields)
  }

  private func line(_ fields: [String: Any]) {
    guard
      let data = try? JSONSerialization.data(
        withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
    else { return }
    Console.write(String(decoding: data, as: UTF8.self) + "\n", to: .narration)
  }

  private func clearLine() {
    if drawn { Console.write("\r\u{1B}[2K", to: .narration) }
    drawn = false
  }
}
