import Archive
import Corpora
import Foundation
import Kernels

/// What n-gram models reach on a next-token study's test split: the price below which a network has learned nothing of note.
///
/// Both kinds are trained on the tokens that the network trains on and judged on those it is judged on: over its own tokens, and
/// over bytes, where no tokenizer helps.
struct NextTokenBaseline {
  static let orders = 5
  static let paths = (
    tokens: Layout.Reference.tokenBits,
    bytes: Layout.Reference.byteBits
  )

  /// Bits per character of orders 1 to 5.
  let tokens: [Double], bytes: [Double]

  init(_ study: LoadedStudy, _ samples: TokenSamples, pool: WorkerPool) {
    let train = samples.contiguous(study.data.trainIndices)
    let test = samples.contiguous(study.data.testIndices)
    let characters = Double(samples.predictedCharacters(study.data.testIndices))
    let tokenizer = samples.tokenizer
    let asBytes = [train, test].map { stream in tokenizer.decode(stream).utf8.map { Int32($0) } }
    let streams = [(train, test, samples.vocabularySize), (asBytes[0], asBytes[1], 256)]
    let orders = Self.orders
    let results = Buffer<Double>(2 * orders)
    pool.forEach(2 * orders) { item, _ in
      // The longest first, so that two workers end together.
      let (kind, order) = (item % 2, orders - item / 2)
      let (train, test, vocabulary) = streams[kind]
      let model = NGramModel(order: order, vocabulary: vocabulary, training: train)
      results.start[kind * orders + order - 1] = model.crossEntropy(test) / log(2) / characters
    }
    tokens = Array(results.array.prefix(orders))
    bytes = Array(results.array.suffix(orders))
  }

  /// The arrays of a run that hold it.
  static var arrays: [ArraySchema] {
    let order = ArraySchema.AxisSchema(
      "order", orders, coordinates: (1...orders).map { Double($0) },
      longName: "tokens, or bytes, of an n-gram")
    return [(paths.tokens, "tokens"), (paths.bytes, "bytes")].map { path, unit in
      ArraySchema(
        path, .float64, [order],
        longName: "interpolated Kneser-Ney n-grams of \(unit) on the test split, per character",
        units: "bit")
    }
  }
}
