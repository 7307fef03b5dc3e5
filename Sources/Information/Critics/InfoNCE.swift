import Foundation

/// ⟨s_ii - ln (1/m) Σ_j exp s_ij⟩ (van den Oord, Li & Vinyals 2018), mean of both directions. A lower bound in
/// expectation that cannot exceed ln m of the held-out pairs.
enum InfoNCE: CriticObjective {
  static let name = "infonce"

  static func gradient(_ scores: inout [Float], _ count: Int) {
    let source = scores
    for i in scores.indices { scores[i] = 0 }
    let share = 0.5 / Float(count)
    for i in 0..<count {
      for isColumn in [false, true] {
        func place(_ j: Int) -> Int { isColumn ? j * count + i : i * count + j }
        var most = -Float.infinity
        for j in 0..<count { most = max(most, source[place(j)]) }
        var sum: Float = 0
        for j in 0..<count { sum += exp(source[place(j)] - most) }
        for j in 0..<count { scores[place(j)] -= share * exp(source[place(j)] - most) / sum }
        scores[i * count + i] += share
      }
    }
  }

  static func value(_ scores: [Float], _ count: Int) -> Double {
    var total = 0.0
    for i in 0..<count {
      let own = Double(scores[i * count + i])
      let row = (0..<count).map { Double(scores[i * count + $0]) }
      let column = (0..<count).map { Double(scores[$0 * count + i]) }
      total += own - 0.5 * (logMeanExp(row) + logMeanExp(column))
    }
    return total / Double(count)
  }
}

/// ln mean exp, without overflow.
func logMeanExp(_ values: [Double]) -> Double {
  let most = values.max() ?? 0
  return most + log(values.reduce(0) { $0 + exp($1 - most) } / Double(values.count))
}

/// Everything off the diagonal.
func offDiagonal(_ scores: [Float], _ count: Int) -> [Double] {
  var values: [Double] = []
  values.reserveCapacity(count * (count - 1))
  for i in 0..<count {
    for j in 0..<count where i != j { values.append(Double(scores[i * count + j])) }
  }
  return values
}

/// Mean of the diagonal.
func diagonalMean(_ scores: [Float], _ count: Int) -> Double {
  (0..<count).reduce(0) { $0 + Double(scores[$1 * count + $1]) } / Double(count)
}
