/// A named axis of an array: the word every program, file and figure uses for it.
public struct Axis: Sendable, Hashable {
  /// The glossary's word, for example `sample`, `position`, `channel`, `query`, `key`.
  public var name: String
  /// Number of positions along the axis.
  public var length: Int

  /// An axis of `length` positions called `name`.
  public init(_ name: String, _ length: Int) {
    self.name = name
    self.length = length
  }
}
