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

  func write(_ index: Int, to slot: SampleSlot<S>) {
    for i in 0..<size { slot.input[i] = inputs[index * size + i] }
    slot.targets[0] = labels[index]
  }
}

/// Random token sequences of several lengths, padded; the class is the first token's parity, and each next token follows from
/// the one before by a fixed permutation, with a little noise.
struct ToyTokens<S: KernelScalar>: SampleSource {
  let tokens: [[Int32]]
  let positions: Int
  let predictsNext: Bool

  init(count: Int, positions: Int, vocabulary: Int, predictsNext: Bool, seed: UInt64) {
    var random = Philox(seed: seed, stream: 3)
    let follower = random.permutation(vocabulary).map { Int32($0) }
    tokens = (0..<count).map { _ in
      let length = positions - Int(random.uniform() * Double(positions / 2))
      var token = Int32(random.uniform() * Double(vocabulary))
      return (0..<length + 1).map { _ in
        defer {
          token =
            random.uniform() < 0.05
            ? Int32(random.uniform() * Double(vocabulary)) : follower[Int(token)]
        }
        return token
      }
    }
    (self.positions, self.predictsNext) = (positions, predictsNext)
  }

  var count: Int { tokens.count }

  func write(_ index: Int, to slot: SampleSlot<S>) {
    let sample = tokens[index]
    slot.fill(sample.count - 1)
    for i in 0..<positions {
      slot.tokens[i] = i + 1 < sample.count ? sample[i] : 0
      if predictsNext { slot.targets[i] = i + 1 < sample.count ? sample[i + 1] : -1 }
    }
    if !predictsNext { slot.targets[0] = sample[0] % 2 }
  }

  func targetCount(_ index: Int) -> Int { predictsNext ? tokens[index].count - 1 : 1 }
}
