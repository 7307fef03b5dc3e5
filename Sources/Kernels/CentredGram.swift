/// The Gram matrix of centred samples, `[sample, sample]`, in double precision: what distances between samples and
/// alignments of representations start from. Cost n² d.
public func centredGram(_ values: [Float], count: Int) -> [Double] {
  requireOfCaller(count > 0 && values.count % count == 0, "values are whole samples")
  let dimension = values.count / count
  var centred = values.map { Double($0) }
  for column in 0..<dimension {
    var mean = 0.0
    for row in 0..<count { mean += centred[row * dimension + column] }
    mean /= Double(count)
    for row in 0..<count { centred[row * dimension + column] -= mean }
  }
  var gram = [Double](repeating: 0, count: count * count)
  centred.withUnsafeBufferPointer { x in
    gram.withUnsafeMutableBufferPointer { g in
      guard let x = x.baseAddress, let g = g.baseAddress else { return }
      Double.gemm(
        MatrixProduct(
          m: count, n: count, k: dimension, alpha: 1, a: x, lda: dimension, b: x,
          ldb: dimension, transposeB: true, beta: 0, c: g, ldc: count))
    }
  }
  return gram
}
