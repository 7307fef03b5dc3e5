import Foundation

/// ⟨s⟩ - ln ⟨exp s⟩ over the margins (Donsker & Varadhan 1983; Belghazi et al. 2018, MINE). A lower bound in expectation
/// only as the number of pairs grows: the logarithm of a mean of few large terms is too small, so values can be too high.
enum DonskerVaradhan: CriticObjective {
  static let name = "mine"

  static func gradient(_ scores: inout [Float], _ count: Int) {
    let most = scores.max() ?? 0
    var sum: Float = 0
    for i in 0..<count {
      for j in 0..<count where i != j { sum += exp(scores[i * count + j] - most) }
    }
    for i in 0..<count {
      for j in 0..<count {
        let place = i * count + j
        scores[place] = i == j ? 1 / Float(count) : -exp(scores[place] - most) / sum
      }
    }
  }

  static func value(_ scores: [Float], _ count: Int) -> Double {
    diagonalMean(scores, count) - logMeanExp(offDiagonal(scores, count))
  }
}

/// ⟨s⟩ - ⟨exp(s - 1)⟩ over the margins (Nguyen, Wainwright & Jordan 2010). A lower bound in expectation; its spread grows
/// with exp I.
enum NguyenWainwrightJordan: CriticObjective {
  static let name = "nwj"

  static func gradient(_ scores: inout [Float], _ count: Int) {
    let share = 1 / Float(count * (count - 1))
    for i in 0..<count {
      for j in 0..<count {
        let place = i * count + j
        // Early scores may be far off; a limit keeps one pair from deciding the step.
        scores[place] = i == j ? 1 / Float(count) : -share * exp(min(scores[place] - 1, 10))
      }
    }
  }

  static func value(_ scores: [Float], _ count: Int) -> Double {
    let product = offDiagonal(scores, count)
    return diagonalMean(scores, count)
      - product.reduce(0) { $0 + exp($1 - 1) } / Double(product.count)
  }
}

/// SMILE (Song & Ermon 2020): trained by the Jensen-Shannon bound, valued as ``DonskerVaradhan`` with scores clipped to
/// ±5. No bound, but of small spread.
enum ClippedRatio: CriticObjective {
  static let name = "smile"

  static func gradient(_ scores: inout [Float], _ count: Int) {
    let share = 1 / Float(count * (count - 1))
    for i in 0..<count {
      for j in 0..<count {
        let place = i * count + j
        let rise = 1 / (1 + exp(-scores[place]))
        scores[place] = i == j ? (1 - rise) / Float(count) : -share * rise
      }
    }
  }

  static func value(_ scores: [Float], _ count: Int) -> Double {
    let clipped = offDiagonal(scores, count).map { min(max($0, -5), 5) }
    return diagonalMean(scores, count) - logMeanExp(clipped)
  }
}
