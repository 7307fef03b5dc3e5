/// What arrays of certain names stand for.
struct ArrayRule: Sendable {
  /// Where in its layer a state lies.
  enum Place: String, Sendable, CaseIterable { case pre, mid, post }

  /// Names it is about; with a colon, of the form `FILE:NAME`, the file by its last part.
  let pattern: NamePattern
  let role: ArrayRole
  /// Axes in the order of the file; nil for the usual ones.
  var axes: [String]?
  /// Where in its layer a state lies.
  var place = Place.post
  /// The layer or depth, where the name does not say it.
  var layer: Int?, depth: Int?
  /// The checkpoint, where the name does not say it.
  var checkpoint: Int?

  /// The numbers in a name; nil when the rule is not about it.
  func numbers(_ array: SavedArray) -> [NamePattern.Placeholder: Int]? {
    let name =
      pattern.text.contains(":") ? array.fileName + ":" + array.name : array.name
    return pattern.numbers(in: name)
  }

  /// Axes of an array of this rank in the order of its file; of one more than usual, with the layers in front; nil when it has none
  /// that fit.
  func fileAxes(rank: Int) -> [String]? {
    if let axes { return axes.count == rank ? axes : nil }
    guard let usual = role.usualAxes(rank: rank) else { return nil }
    if usual.count == rank { return usual }
    guard role.isOfLayer, layer == nil, depth == nil, usual.count + 1 == rank else { return nil }
    return [role == .state ? "depth" : "layer"] + usual
  }
}
