/// What lies beyond the edge of a grid.
public enum Boundary: String, Sendable, CaseIterable {
  /// The other edge.
  case periodic
  /// No flux: the missing neighbour of an edge cell equals it.
  case neumann
  /// Zero, one cell beyond the edge.
  case dirichlet
}
