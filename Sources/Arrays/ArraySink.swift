/// Takes the named arrays that science targets produce. Archive and Console implement it, so that the
/// science knows of no file.
public protocol ArraySink {
  /// Receives one array.
  ///
  /// - Parameters:
  ///   - name: the tap's or quantity's name; also its path below the sink's root.
  ///   - axes: name and length of every axis, slowest first.
  ///   - values: the elements in C order; valid only during the call.
  func receive(_ name: String, axes: [Axis], values: UnsafeBufferPointer<Float>) throws
}
