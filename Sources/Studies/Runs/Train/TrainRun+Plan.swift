import Archive
import Arrays
import Foundation
import Kernels
import Transformer

extension TrainRun {
  /// What a run will take, told before anything is written.
  public struct Plan: Sendable {
    /// Path, shape, and bytes before compression of each array.
    public var arrays: [(path: String, shape: [Int], bytes: Int)]
    /// Most memory the run will take at once, bytes.
    public var memory: Int
    /// Time from the first step to the last, seconds; from a few steps made for this and thrown away.
    public var seconds: Double
    /// Steps, and parameters.
    public var steps: Int, parameters: Int
  }

  /// Steps an epoch takes.
  var stepsPerEpoch: Int {
    let training = study.configuration.training
    let size = training.batch * training.accumulate
    return (study.trainIndices.count + size - 1) / size
  }

  private var checkpointCount: Int {
    let training = study.configuration.training
    let steps = stepsPerEpoch * training.epochs
    let every = study.configuration.capture.steps
    return every == 0 ? training.epochs + 1 : (steps + every - 1) / every + 1
  }

  /// What the run will write and take.
  public func plan() -> Plan {
    let steps = stepsPerEpoch * study.configuration.training.epochs
    let arrays = schema().arrays.map { array in
      let isStepwise = [Layout.Progress.group, Layout.Gradients.norm].contains {
        array.path.hasPrefix($0)
      }
      let shape = array.shape(rows: isStepwise ? steps : checkpointCount)
      return (array.path, shape, shape.reduce(1, *) * (array.type.byteCount ?? 16))
    }
    return Plan(
      arrays: arrays, memory: memory(), seconds: estimatedSeconds(study.source, steps),
      steps: steps, parameters: ParameterLayout(study.model).count)
  }

  private func estimatedSeconds<Source: SampleSource<Float>>(
    _ source: Source, _ steps: Int
  ) -> Double {
    let training = study.configuration.training
    let trainer = Trainer<Float>(
      study.model, training.optimizer, batch: training.batch, seed: 0, shards: training.shards,
      pool: pool)
    let batch = study.trainIndices.prefix(training.batch * training.accumulate)
    let times = (0..<4).map { _ in
      let clock = ContinuousClock.now
      _ = trainer.step(batch, from: source, rate: 0)
      return (ContinuousClock.now - clock) / .seconds(1)
    }
    let step = times.dropFirst().min() ?? 0
    // A sample that is only looked at costs a third of one that is trained on.
    let looked = study.data.testIndices.count + study.validationIndices.count + study.captured.count
    let look = step * Double(looked) / Double(max(batch.count, 1)) / 3
    return Double(steps) * step + Double(checkpointCount) * look
  }

  /// Bytes of activations, weights, samples and captured values, and what the recorder and the libraries take besides.
  ///
  /// Measured on five studies from 180 to 660 MB, the sum is within 10 % of the largest resident memory. The libraries take 72 MB before
  /// the first step. Rows on their way to disk, and the parts while they are sealed, take twice a checkpoint, up to twice the
  /// recorder's bound; a checkpoint beyond the bound is taken whole, as it is and half of it filtered already. The n-gram baseline's tables take 110 bytes for each token of the training split.
  private func memory() -> Int {
    let training = study.configuration.training
    let checkpoint = schema().arrays.filter {
      $0.isStream && !$0.path.hasPrefix(Layout.Progress.group)
    }
    .reduce(0) { $0 + $1.shape(rows: 1).reduce(1, *) * ($1.type.byteCount ?? 16) }
    let bound = RecorderLimits().bytes
    var baseline = 0
    if case .text(let samples) = study.data, samples.predictsNext {
      baseline = 110 * samples.positions * study.data.trainIndices.count
    }
    return 72_000_000 + study.data.byteCount + baseline
      + (checkpoint <= bound ? 2 * checkpoint : max(2 * bound, checkpoint * 3 / 2))
      + Trainer<Float>.byteCount(
        study.model, training.optimizer, batch: training.batch, shards: training.shards,
        threads: pool.threadCount)
      + TapSampler.byteCount(study, taps, threads: pool.threadCount)
  }
}
