import Dynamics
import Foundation
import Kernels
import Testing
import Transformer

@Suite struct LaplacianTests {
  private let grid = FieldGrid(rows: 6, columns: 9)

  private func apply(_ u: [Double], diffusivity: Double = 1) throws -> [Double] {
    let network = try ModelConfiguration(
      input: .patches(width: 1), positionCount: 54, width: 1, headCount: 1, layerCount: 1,
      mlpWidth: 1, classCount: 2)
    let laplacian = PositionLaplacian<Double>(grid, .neumann, network: network)
    let (x, d, out) = (Buffer<Double>(u.count), Buffer<Double>(1), Buffer<Double>(u.count))
    x.assign(u)
    d.assign([diffusivity])
    laplacian.add(x.start, diffusivity: d.start, to: out.start, Shard(samples: 1))
    return out.array
  }

  @Test func `cosine modes are eigenvectors with the stated eigenvalues`() throws {
    for (j, k) in [(0, 1), (2, 0), (3, 4), (5, 8)] {
      let mode = (0..<54).map { cell -> Double in
        let (row, column) = (cell / 9, cell % 9)
        return cos(.pi * Double(j) * (Double(row) + 0.5) / 6)
          * cos(.pi * Double(k) * (Double(column) + 0.5) / 9)
      }
      let a = sin(.pi * Double(j) / 12)
      let b = sin(.pi * Double(k) / 18)
      let eigenvalue = -4 * (a * a + b * b)
      for (found, value) in zip(try apply(mode), mode) {
        #expect(abs(found - eigenvalue * value) < 1e-12)
      }
    }
  }

  @Test func `mass is kept to round-off`() throws {
    var random = Philox(seed: 1, stream: 1)
    let u = (0..<54).map { _ in random.normal() }
    #expect(abs(try apply(u, diffusivity: 3).reduce(0, +)) < 1e-12)
  }
}
