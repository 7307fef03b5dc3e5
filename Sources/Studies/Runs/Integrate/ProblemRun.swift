import Archive
import Console
import Dynamics
import Foundation
import Kernels

/// Integrates the problem of a problem file and archives its snapshots, what is conserved, and how it ended.
public struct ProblemRun {
  let problem: ProblemConfiguration
  let field: FieldProblem
  let integration: Integration
  private let progress: ProgressLine
  private let start: [Double]

  /// What an integration came to.
  public struct Result: Sendable {
    /// The sealed file.
    public var path: String
    /// How it ended, in words.
    public var message: String
    /// Whether it reached its end, and the time it reached.
    public var isComplete: Bool, time: Double
    /// What kind of end it is.
    public var ending: Ending
    /// Why it is no result, and what would do; nil for a result, which a blow-up is.
    public var failure: String?
    /// Seconds spent.
    public var seconds: Double
  }

  /// The kinds of ends.
  public enum Ending: String, Sendable {
    /// At the end asked for.
    case reached
    /// At a blow-up, which is a result.
    case diverged
    /// Before either: the method could not go on.
    case gaveUp = "gave up"
  }

  /// What is about to be done.
  public struct Plan: Sendable {
    /// Path, shape and bytes of every array.
    public var arrays: [(path: String, shape: [Int], bytes: Int)]
    /// Steps; nil under step control. Step size, and the longest stable one.
    public var steps: Int?, stepSize: Double, stabilityLimit: Double
    /// Estimated seconds; nil under step control.
    public var seconds: Double?
  }

  /// Checks the whole problem, and that its step is stable, before anything is written.
  public init(_ problem: ProblemConfiguration, threads: Int, progress: ProgressLine) throws {
    self.problem = problem
    self.progress = progress
    var (channels, volume) = (problem.size.channels, 1.0)
    if case .grid(let rows, let columns, let spacing, _, let count) = problem.state {
      channels = count
      volume = (rows > 1 ? spacing : 1) * (columns > 1 ? spacing : 1)
    }
    let time = problem.time
    field = FieldProblem(
      problem.terms, channels: channels, cellVolume: volume, isSecondOrder: time.isSecondOrder)
    do {
      integration = try Integration(
        field, time.stepper, end: time.end, snapshots: time.snapshots, stepSize: time.step,
        tolerance: time.tolerance, pool: WorkerPool(threadCount: threads))
    } catch let error as ProblemError {
      throw UsageError("time.stepper: \(error.message)")
    }
    start = try ProblemState.first(problem)
    if integration.isTooStiff {
      progress.note(
        "warning: dopri5 will give up before t = \(Format.digits(time.end)): \(remedy)")
    }
    let limit = integration.stabilityLimit
    if integration.stepSize > limit * (1 + 1e-9) {
      let message =
        "a step of \(Format.digits(integration.stepSize)) with \(time.stepper.rawValue) is beyond the stability limit "
        + "\(Format.digits(limit)) of this grid: the fastest mode grows"
      guard time.allowsUnstable else {
        throw UsageError(
          "time.step: \(message); choose at most \(Format.digits(limit * 0.999)), "
            + (limit == 0
              ? "upwind convection or rk4" : "an implicit, exponential or adaptive stepper")
            + ", or time.allow_unstable: true to watch it grow")
      }
      progress.note("warning: \(message)")
    }
  }

  /// Arrays, steps and time.
  public func plan() throws -> Plan {
    let arrays = schema().arrays.map { array in
      let shape = array.shape(rows: problem.time.snapshots + 1)
      return (array.path, shape, shape.reduce(array.type.byteCount ?? 1, *))
    }
    return Plan(
      arrays: arrays, steps: integration.stepCount, stepSize: integration.stepSize,
      stabilityLimit: integration.stabilityLimit, seconds: try estimate())
  }

  /// Seconds of the whole, from steps that are thrown away: what 9 take more than 1, so that the start is left out. Nil under step
  /// control.
  private func estimate() throws -> Double? {
    guard let steps = integration.stepCount else { return nil }
    func seconds(_ count: Int) throws -> Double {
      let trial = try Integration(
        field, problem.time.stepper, end: Double(count) * integration.stepSize, snapshots: 1,
        stepSize: integration.stepSize, pool: WorkerPool(threadCount: 1))
      let began = ContinuousClock.now
      _ = try trial.run(start, check: { _ in try Self.checkEstimate() }) { _ in }
      return (ContinuousClock.now - began) / .seconds(1)
    }
    return max(0, try seconds(9) - seconds(1)) / 8 * Double(steps)
  }

  private static func checkEstimate() throws {
    try Interruption.check("nothing was written yet") {}
  }

  /// Integrates and seals `out`; nil where it is complete already. A divergence is a result: what was integrated before it is
  /// archived. Resuming goes on between two steps, to the bits of an integration that was never interrupted.
  public func run(
    out: String, _ beginning: TrainRun.Beginning, limits: RecorderLimits = RecorderLimits()
  ) throws -> Result? {
    // An estimate takes ten steps: not worth it before a few.
    if let steps = integration.stepCount, steps >= 200, let seconds = try estimate(), seconds > 2 {
      progress.note("\(steps) steps, about \(Format.duration(seconds))")
    }
    try OutputGuard(problem.inputs).check(archive: out)
    let plan = Resumption.Plan(
      beginning: beginning, anchor: Recorder.resumeAnchor, limits: limits, form: .verbatim)
    let begun = try Resumption(RunPlace(out), try sourcedSchema(), plan, progress: progress)
    guard let begun else { return nil }
    let recorder = begun.recorder
    let clock = ContinuousClock.now
    do {
      // Texts must be there with the first commit.
      recorder.write(Layout.Outcome.message, ["not ended yet"])
      progress.begin("integrate")
      let position = try recorder.resumeState.map {
        try IntegrationState.position(
          $0, count: start.count, unitCount: field.channels, folder: recorder.place.folder)
      }
      if let position {
        progress.note("resuming after snapshot \(position.snapshot)")
      }
      var shown = position.map { $0.snapshot + 1 } ?? 0
      var last = Double(position?.snapshot ?? 0) * problem.time.end / Double(problem.time.snapshots)
      let outcome = try integration.run(
        start, from: position,
        check: { position in
          try recorder.tick { IntegrationState.bytes(position) }
          try Interruption.check(
            "everything up to t = \(Format.digits(last)) is kept in \(recorder.place.folder); go on with the "
              + "same command and --resume"
          ) { try recorder.finish(resumeState: IntegrationState.bytes(position)) }
        }
      ) { snapshot in
        try record(snapshot, recorder)
        last = snapshot.time
        progress.update(
          shown, of: problem.time.snapshots, unit: "snapshots",
          detail: "t = \(Format.digits(snapshot.time))")
        shown += 1
      }
      let message = message(outcome)
      try record(outcome, message, recorder)
      progress.end(message)
      let path = try recorder.seal()
      let ending = ending(outcome)
      return Result(
        path: path, message: message, isComplete: outcome == .reached, time: last, ending: ending,
        failure: ending == .gaveUp ? message : nil,
        seconds: (ContinuousClock.now - clock) / .seconds(1))
    } catch {
      recorder.abandon()
      throw error
    }
  }

  /// The schema with what the first state was read from.
  private func sourcedSchema() throws -> RunSchema {
    var schema = schema()
    schema.provenance.sources = try problem.inputs.map { path in
      Provenance.Source(path: path, runID: "", sha256: try LogicalHash.sha256(ofFile: path))
    }
    return schema
  }

  /// Where number `place` of the state lies.
  func words(_ place: Int) -> String {
    switch problem.state {
    case .grid(let rows, let columns, _, _, let channels):
      let cell = place / channels
      let x = "x = \(cell % columns)"
      return (rows > 1 ? "y = \(cell / columns), " : "") + x
        + (channels > 1 ? ", channel \(place % channels)" : "")
    case .tokens(_, let dimension, _):
      return "token \(place / dimension), coordinate \(place % dimension)"
    case .gaussian(let mean, _):
      return (place < mean.count ? "the mean" : "the variance")
        + " of coordinate \(place % max(mean.count, 1))"
    }
  }

  // MARK: - Rows

  private func record(_ snapshot: Integration.Snapshot, _ recorder: Recorder) throws {
    let (u, group) = (snapshot.u, ProblemRun.group)
    try recorder.append("\(group)/u", u)
    try recorder.append("\(group)/time", [snapshot.time])
    if let velocity = snapshot.velocity { try recorder.append("\(group)/velocity", velocity) }
    try recorder.append("\(group)/mass", [field.mass(u)])
    if hasEnergy {
      try recorder.append(
        "\(group)/energy", [field.energy(u, velocity: snapshot.velocity) ?? .nan])
    }
    try recorder.append("\(group)/residual", [field.residual(snapshot.time, u)])
    let parts = problem.terms.map { $0.apply(u, channels: field.channels) }
    try recorder.append(
      "\(group)/term_size",
      parts.map { ($0.reduce(0) { $0 + $1 * $1 } / Double(max($0.count, 1))).squareRoot() })
    if problem.recordsTerms {
      for (name, part) in zip(termNames, parts) {
        try recorder.append("\(group)/term_\(name)", part)
      }
    }
    if let attention = recordedAttention {
      try recorder.append("\(group)/attention", attention.map(u))
    }
  }

  private func record(
    _ outcome: IntegrationOutcome, _ message: String, _ recorder: Recorder
  ) throws {
    var (time, place) = (problem.time.end, -1)
    switch outcome {
    case .reached: break
    case .gaveUp(let at), .stalled(let at): time = at
    case .diverged(let at, let cell): (time, place) = (at, cell)
    }
    try recorder.append(Layout.Outcome.reached, [outcome == .reached ? UInt8(1) : 0])
    try recorder.append(Layout.Outcome.time, [time])
    try recorder.append(Layout.Outcome.place, [Int32(place)])
    recorder.write(Layout.Outcome.message, [message])
  }

  /// Group of everything that has a row a snapshot.
  static let group = Layout.Fields.solution.path

  private var hasEnergy: Bool { field.energy(start, velocity: start.map { _ in 0 }) != nil }

  private var recordedAttention: TokenAttention? {
    guard problem.recordsMaps else { return nil }
    for term in problem.terms { if case .attention(let attention) = term { return attention } }
    return nil
  }

  /// A name for each term; the second of a kind is numbered.
  private var termNames: [String] {
    problem.terms.enumerated().map { index, term in
      let before = problem.terms[..<index].filter { $0.name == term.name }.count
      return before == 0 ? term.name : "\(term.name)\(before + 1)"
    }
  }

  func schema() -> RunSchema {
    typealias Axis = ArraySchema.AxisSchema
    let (snapshot, group) = (Axis.growing("snapshot"), Self.group)
    let cells: [Axis]
    var tokens = 1
    switch problem.state {
    case .grid(let rows, let columns, let spacing, _, let channels):
      func axis(_ name: String, _ count: Int) -> Axis {
        Axis(
          name, count, coordinates: (0..<count).map { Double($0) * spacing },
          longName: "position of the cell")
      }
      cells =
        (rows > 1 ? [axis("y", rows)] : []) + [axis("x", columns)]
        + (channels > 1 ? [Axis("channel", channels)] : [])
      tokens = rows * columns
    case .tokens(let count, let dimension, _):
      cells = [Axis("token", count), Axis("coordinate", dimension)]
      tokens = count
    case .gaussian(let mean, _): cells = [Axis("moment", 2), Axis("coordinate", mean.count)]
    }
    var stepper: [String: AttributeValue] = ["stepper": .text(problem.time.stepper.rawValue)]
    if integration.stepCount == nil {
      stepper["tolerance"] = .number(problem.time.tolerance)
    } else {
      stepper["step"] = .number(integration.stepSize)
    }
    if integration.stabilityLimit.isFinite {
      stepper["stability_limit"] = .number(integration.stabilityLimit)
    }
    if case .grid(_, _, _, let boundary, _) = problem.state {
      stepper["boundary"] = .text(boundary.rawValue)
    }
    func series(_ name: String, _ longName: String) -> ArraySchema {
      ArraySchema("\(group)/\(name)", .float64, [snapshot], longName: longName)
    }
    func field(_ name: String, _ longName: String) -> ArraySchema {
      ArraySchema(
        "\(group)/\(name)", .float64, [snapshot] + cells, longName: longName,
        coordinates: ["time"], attributes: stepper)
    }
    var arrays = [
      field("u", "field at each snapshot"), series("time", "time of the snapshot"),
      series("mass", "sum of the field times the cells' volume"),
      series("residual", "root mean square of the rate; 0 at rest"),
      ArraySchema(
        "\(group)/term_size", .float64, [snapshot, Axis("term", problem.terms.count)],
        longName: "root mean square of each term",
        attributes: ["flag_meanings": .text(termNames.joined(separator: " "))]),
    ]
    if hasEnergy { arrays.append(series("energy", "energy of the field")) }
    if problem.time.isSecondOrder { arrays.append(field("velocity", "rate of the field")) }
    if problem.recordsTerms {
      arrays += termNames.map { field("term_\($0)", "\($0) term of the equation") }
    }
    if recordedAttention != nil {
      arrays.append(
        ArraySchema(
          "\(group)/attention", .float64, [snapshot, Axis("query", tokens), Axis("key", tokens)],
          longName: "weights of the attention term", coordinates: ["time"]))
    }
    let one = Axis.growing("ending")
    arrays += [
      ArraySchema(Layout.Outcome.reached, .uint8, [one], longName: "1 when the end was reached"),
      ArraySchema(Layout.Outcome.time, .float64, [one], longName: "time at which it ended"),
      ArraySchema(
        Layout.Outcome.place, .int32, [one],
        longName: "number of the state that was the largest before it diverged; -1 for none"),
      ArraySchema(
        Layout.Outcome.message, .utf8, [Axis("message_index", 1)], longName: "how it ended"),
    ]
    var schema = RunSchema(
      .fields, title: problem.title, arrays: arrays, defaultGroup: group,
      provenance: Provenance(
        configuration: problem.source, seed: problem.seed, blasCore: BLASCore.name, sources: []))
    schema.explanation = ProblemExplanation(problem, integration).explanation()
    return schema
  }
}
