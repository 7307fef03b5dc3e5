import Foundation

/// An n-gram model with interpolated Kneser-Ney smoothing (Chen & Goodman 1999, eq. 15, one discount an order): the
/// baseline beside next-token losses.
///
/// The highest order counts occurrences, lower orders count different left neighbours; discounts are n₁/(n₁ + 2 n₂). What no order
/// has seen gets 1/vocabulary.
public struct NGramModel: Sendable {
  private struct Order {
    /// Count of context and token, by hash of both.
    var counts: [UInt64: Int32] = [:]
    /// Σ counts, and number of different tokens, after a context.
    var totals: [UInt64: (sum: Int32, kinds: Int32)] = [:]
    var discount = 0.5
  }

  private var orders: [Order]
  private let vocabulary: Int

  /// Counts `stream`.
  public init(order: Int, vocabulary: Int, training stream: [Int32]) {
    precondition(order >= 1 && vocabulary >= 1, "an order and a vocabulary")
    self.vocabulary = vocabulary
    orders = Array(repeating: Order(), count: order)
    for length in stride(from: order, through: 1, by: -1) {
      count(length, stream, isHighest: length == order)
    }
  }

  private mutating func count(_ length: Int, _ stream: [Int32], isHighest: Bool) {
    var order = Order()
    var seen: Set<UInt64> = []
    guard stream.count >= length else { return }
    for end in length...stream.count {
      let gram = stream[end - length..<end]
      if !isHighest {
        // A left neighbour counts once; the first gram of the stream has none.
        guard end > length, seen.insert(Self.hash(stream[end - length - 1..<end])).inserted else {
          continue
        }
      }
      let key = Self.hash(gram)
      let context = Self.hash(gram.dropLast())
      let old = order.counts[key, default: 0]
      order.counts[key] = old + 1
      var total = order.totals[context, default: (0, 0)]
      total.sum += 1
      if old == 0 { total.kinds += 1 }
      order.totals[context] = total
    }
    let ones = Double(order.counts.values.count { $0 == 1 })
    let twos = Double(order.counts.values.count { $0 == 2 })
    if ones > 0 { order.discount = ones / (ones + 2 * twos) }
    orders[length - 1] = order
  }

  /// A 64-bit hash of tokens and their number; of a million grams two agree with a chance of 3e-8.
  private static func hash(_ gram: ArraySlice<Int32>) -> UInt64 {
    var h: UInt64 = 0x9E37_79B9_7F4A_7C15 &+ UInt64(gram.count)
    for token in gram {
      h = (h ^ UInt64(UInt32(bitPattern: token))) &* 0xD6E8_FEB8_6659_FD93
      h ^= h >> 32
    }
    return h
  }

  /// Probability of `token` after `context`; only the last order - 1 tokens matter.
  public func probability(_ token: Int32, after context: ArraySlice<Int32>) -> Double {
    var probability = 1 / Double(vocabulary)
    for length in 0..<min(orders.count, context.count + 1) {
      let order = orders[length]
      let tail = context.suffix(length)
      guard let total = order.totals[Self.hash(tail)] else { break }
      let count = Double(order.counts[Self.hash(tail + [token]), default: 0])
      let sum = Double(total.sum)
      probability =
        max(count - order.discount, 0) / sum
        + order.discount * Double(total.kinds) / sum * probability
    }
    return probability
  }

  /// Σ -ln p over `stream` from its second token on, nats.
  public func crossEntropy(_ stream: [Int32]) -> Double {
    var total = 0.0
    for i in 1..<max(stream.count, 1) {
      let context = stream[max(0, i - orders.count + 1)..<i]
      total -= log(probability(stream[i], after: context))
    }
    return total
  }
}
