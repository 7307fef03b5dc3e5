import Archive
import Console
import Dynamics
import Kernels
import Transformer

/// What equations are fitted to: a run of ours, whose network computes trajectories when they are asked for, or captures of a network
/// that is not there.
protocol FitSubject: Sendable {
  var reader: RunReader { get }
  var title: String { get }
  var seed: UInt64 { get }
  var pde: StudyConfiguration.PDE { get }
  /// The whole configuration, and files that it names.
  var yaml: String { get }
  var inputs: [String] { get }
  /// Sizes and form of the network, as far as the equation takes them over.
  var model: ModelConfiguration { get }
  /// Samples that are fitted to, and those that are judged on, by their places in the data.
  var fitSamples: [Int] { get }
  var heldOut: [Int] { get }
  /// Of the held-out samples: what names them, their classes, and positions that are no padding; nil where there are none.
  func heldOutIndex() throws -> [Int32]
  func heldOutLabels() throws -> [Int32]?
  var heldOutLengths: [Int32]? { get }
  /// The run of ours; nil for captures.
  var trained: TrainedRun? { get }

  /// Trajectories of some samples, for `workers` that ask for at most `capacity` at a time.
  func trajectories(_ samples: [Int], capacity: Int, workers: Int) throws
    -> any TrajectorySource<Float>
  /// What went wrong while trajectories were read.
  func checkReading() throws
  /// The run as a source of provenance.
  func source() throws -> Provenance.Source
  /// Lines about what was changed in data set and run without a new hash, and what a reader should know.
  func warnings() throws -> [String]
  /// What the archive says of itself.
  func explanation(_ fit: FitRun) -> Explanation
}

/// A run of ours.
struct TrainedSubject: FitSubject {
  private let run: TrainedRun
  let fitSamples: [Int], heldOut: [Int]

  init(_ run: TrainedRun) throws {
    self.run = run
    let (study, pde) = (run.study, run.study.configuration.pde)
    heldOut = Array(study.captured.prefix(try run.attentionSamples()))
    guard pde.samples <= study.trainIndices.count else {
      throw UsageError(
        "pde.samples: \(pde.samples) asked for, the training split has "
          + "\(study.trainIndices.count)")
    }
    var random = Philox(
      seed: study.configuration.seed, purpose: .fitting, index: FitRun.choiceIndex)
    let order = random.permutation(study.trainIndices.count)
    fitSamples = order.prefix(pde.samples).map { study.trainIndices[$0] }
  }

  var reader: RunReader { run.reader }
  var title: String { run.study.configuration.title }
  var seed: UInt64 { run.study.configuration.seed }
  var pde: StudyConfiguration.PDE { run.study.configuration.pde }
  var yaml: String { run.study.configuration.yaml }
  var inputs: [String] { run.study.configuration.inputs }
  var model: ModelConfiguration { run.study.model }
  var trained: TrainedRun? { run }
  func heldOutIndex() -> [Int32] { heldOut.map { Int32($0) } }
  func heldOutLabels() -> [Int32]? { heldOut.map { run.study.data.label($0) } }
  var heldOutLengths: [Int32]? {
    guard case .text(let samples) = run.study.data else { return nil }
    let extra = Int32(model.classTokenCount)
    return heldOut.map { Int32(samples.tokens($0).length) + extra }
  }

  func trajectories(
    _ samples: [Int], capacity: Int, workers: Int
  ) throws -> any TrajectorySource<Float> {
    let weights = try run.weights(run.checkpointCount() - 1)
    return trajectories(of: model, weights, samples, capacity: capacity, workers: workers)
  }

  /// Those of a network with weights of its own: without layers, of an equation that learned the task.
  func trajectories(
    of network: ModelConfiguration, _ weights: Buffer<Float>, _ samples: [Int], capacity: Int,
    workers: Int
  ) -> any TrajectorySource<Float> {
    switch run.study.data {
    case .images(let set, let patches):
      NetworkTrajectories(
        network, weights, PatchSource(images: set, grid: patches), samples, capacity: capacity,
        workers: workers)
    case .text(let passages):
      NetworkTrajectories(
        network, weights, passages, samples, capacity: capacity, workers: workers)
    }
  }

  func checkReading() throws {}
  func source() throws -> Provenance.Source { try run.source() }
  func warnings() throws -> [String] { try run.warnings() }
  func explanation(_ fit: FitRun) -> Explanation { fit.trainedExplanation(run.study) }
}
