import Kernels
import Transformer

/// Random samples whose class shows in their mean: enough to learn from, small enough for a test.
struct ToySource<S: KernelScalar>: SampleSource {
  let inputs: [S]
  let labels: [Int32]
  let size: Int

  init(count: Int, size: Int, classes: Int, seed: UInt64) {
    var random = Philox(seed: seed, stream: 1)
    var inputs: [S] = []
    var labels: [Int32] = []
    for _ in 0..<count {
      let label = Int32(random.uniform() * Double(classes))
      labels.append(label)
      for _ in 0..<size { inputs.append(S(random.normal() * 0.5 + Double(label))) }
    }
    (self.inputs, self.labels, self.size) = (inputs, labels, size)
  }

  init(inputs: [S], labels: [Int32]) {
    (self.inputs, self.labels, size) = (inputs, labels, inputs.count / labels.count)
  }

  var count: Int { labels.count }

  func write(_ index: Int, to input: UnsafeMutablePointer<S>) {
    for i in 0..<size { input[i] = inputs[index * size + i] }
  }

  func label(_ index: Int) -> Int32 { labels[index] }
}
