/// Traps on a caller's bug, in builds too that assume a `precondition` instead of checking it (`-Ounchecked`). Not for data: what comes
/// from a file or a person is refused by an error.
@inline(__always)
public func requireOfCaller(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String
) {
  guard condition() else { fatalError(message()) }
}
