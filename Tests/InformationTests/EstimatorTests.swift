import Foundation
import Information
import Kernels
import Testing

@Suite struct EstimatorTests {
  /// A layer as each estimator takes it.
  private struct Layer {
    let values: [Float]
    let distances: LayerDistances
    init(count: Int, values: [Float]) throws {
      var distances = try LayerDistances(count: count)
      try distances.add(values)
      (self.values, self.distances) = (values, distances)
    }
    func binned(_ bins: Int) -> Binning {
      var patterns = BinPatterns(count: distances.count, bins: bins)
      patterns.add(values)
      return Binning(patterns)
    }
  }

  private let plan = ResamplingPlan(resamples: 60, shuffles: 60, seed: 1)

  /// `count` samples in `dimension` numbers; class c is shifted by `shift · c` in the first.
  private func samples(
    _ count: Int, _ dimension: Int, shift: Double
  ) throws -> (layer: Layer, labels: [Int32]) {
    var random = Philox(seed: 3, stream: 1)
    var values: [Float] = []
    var labels: [Int32] = []
    for i in 0..<count {
      let label = i % 2
      labels.append(Int32(label))
      for d in 0..<dimension {
        values.append(Float(random.normal() + (d == 0 ? shift * Double(label) : 0)))
      }
    }
    return (try Layer(count: count, values: values), labels)
  }

  @Test func `kde tells two far classes apart by ln 2`() throws {
    let (layer, labels) = try samples(200, 1, shift: 1000)
    let estimate = KernelDensity(layer.distances, noise: 0.1).labelInformation(labels, plan)
    #expect(abs(estimate.value - log(2)) < 1e-6)
    #expect(estimate.null < 0.05)
    #expect(!estimate.flags.contains(.notAboveNull))
    #expect(estimate.lower <= estimate.value && estimate.value <= estimate.upper)
  }

  @Test func `labels that say nothing are not above their null`() throws {
    let (layer, labels) = try samples(200, 3, shift: 0)
    for estimate in [
      KernelDensity(layer.distances, noise: 0.5).labelInformation(labels, plan),
      layer.binned(4).labelInformation(labels, plan),
    ] {
      #expect(estimate.flags.contains(.notAboveNull))
      #expect(estimate.value - estimate.null < 0.05)
    }
  }

  @Test func `the pairwise sum agrees with the plain double loop`() throws {
    let (layer, _) = try samples(40, 5, shift: 1)
    var spread = 0.0
    var mean = [Double](repeating: 0, count: 5)
    for i in 0..<40 { for d in 0..<5 { mean[d] += Double(layer.values[i * 5 + d]) / 40 } }
    for i in 0..<40 {
      for d in 0..<5 { spread += pow(Double(layer.values[i * 5 + d]) - mean[d], 2) / 40 }
    }
    var total = 0.0
    for i in 0..<40 {
      var sum = 0.0
      for j in 0..<40 {
        let square = (0..<5).reduce(0.0) {
          $0 + pow(Double(layer.values[i * 5 + $1]) - Double(layer.values[j * 5 + $1]), 2)
        }
        sum += exp(-square / (2 * 0.09 * spread))
      }
      total -= log(sum / 40) / 40
    }
    let estimate = KernelDensity(layer.distances, noise: 0.3).inputInformation(plan)
    #expect(abs(estimate.value - total) < 1e-9)
    #expect(estimate.flags.contains(.pairingFree))
  }

  @Test func `no estimate of I(X;T) exceeds ln n, and tiny noise saturates`() throws {
    let (layer, _) = try samples(64, 20, shift: 1)
    let sharp = KernelDensity(layer.distances, noise: 1e-3).inputInformation(plan)
    #expect(sharp.value <= log(64) + 1e-9)
    #expect(sharp.flags.contains(.saturated))
    let bins = layer.binned(30).inputInformation(plan)
    #expect(abs(bins.value - log(64)) < 1e-9)
    #expect(bins.flags.contains(.saturated))
  }

  @Test func `binning of a two-valued channel is its entropy`() throws {
    let values = (0..<100).map { Float($0 < 25 ? -3 : 8) }
    let layer = try Layer(count: 100, values: values)
    let estimate = layer.binned(10).inputInformation(plan)
    #expect(abs(estimate.value - (-0.25 * log(0.25) - 0.75 * log(0.75))) < 1e-12)
  }

  @Test func `scaling a layer changes nothing`() throws {
    let (layer, labels) = try samples(80, 4, shift: 2)
    let scaled = try Layer(count: 80, values: layer.values.map { $0 * 1024 })
    let a = KernelDensity(layer.distances, noise: 0.4).labelInformation(labels, plan)
    let b = KernelDensity(scaled.distances, noise: 0.4).labelInformation(labels, plan)
    #expect(abs(a.value - b.value) < 1e-9)
  }

  @Test func `a constant layer is flagged, and NaN or too few samples are refused`() throws {
    let constant = try Layer(count: 10, values: [Float](repeating: 2, count: 30))
    let estimate = KernelDensity(constant.distances, noise: 0.5).inputInformation(plan)
    #expect(estimate.flags.contains(.constant))
    #expect(abs(estimate.value) < 1e-12)
    #expect(throws: EstimationError.self) {
      try Layer(count: 5, values: [1, 2, .nan, 4, 5])
    }
    #expect(throws: EstimationError.self) { try Layer(count: 3, values: [1, 2, 3]) }
  }

  @Test func `the same seed gives the same estimate`() throws {
    let (layer, labels) = try samples(60, 3, shift: 1)
    let density = KernelDensity(layer.distances, noise: 0.5)
    let (a, b) = (density.labelInformation(labels, plan), density.labelInformation(labels, plan))
    #expect(a.lower == b.lower && a.null == b.null)
  }
}
