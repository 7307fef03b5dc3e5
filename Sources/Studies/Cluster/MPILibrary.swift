import Foundation
import Kernels

/// The processes that mpirun or srun started, joined by the cluster's own MPI: a small library that `tools/build-mpi` makes, loaded only
/// when there are several. Linking MPI was rejected: the program would not start where it is missing.
final class MPILibrary: Collective, @unchecked Sendable {
  private typealias Start =
    @convention(c) (
      UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>
    ) -> Int32
  private typealias Exchange =
    @convention(c) (
      UnsafeRawPointer, Int64, UnsafeMutableRawPointer
    ) -> Int32
  private typealias Broadcast = @convention(c) (UnsafeMutableRawPointer, Int64) -> Int32
  private typealias Maximum = @convention(c) (UnsafeMutablePointer<Int32>) -> Int32
  private typealias Finish = @convention(c) () -> Int32
  private typealias Abort = @convention(c) (Int32) -> Int32
  private typealias Version = @convention(c) (UnsafeMutablePointer<CChar>) -> Int32

  let rank: Int, size: Int
  /// Name and version of the MPI library.
  let version: String
  private let exchanging: Exchange, gathering: Exchange
  private let broadcasting: Broadcast
  private let maximizing: Maximum
  private let finishing: Finish
  private let aborting: Abort

  /// Loads the library at `path` and joins the others.
  /// - Throws: ``StudyError`` naming the remedy.
  init(_ path: String) throws {
    func problem(_ words: String) -> StudyError {
      StudyError(
        message: "\(path): \(words); build it anew with tools/build-mpi and this cluster's mpicc")
    }
    // Its symbols are for MPI's own plug-ins too.
    guard let library = dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      throw problem(
        "cannot be loaded: \(dlerror().map { String(cString: $0) } ?? "no reason given")")
    }
    func symbol<Function>(_ name: String, as type: Function.Type) throws -> Function {
      guard let found = dlsym(library, "isotherm_mpi_" + name) else {
        throw problem("has no isotherm_mpi_\(name)")
      }
      return unsafeBitCast(found, to: type)
    }
    guard try symbol("interface", as: Finish.self)() == 1 else {
      throw problem("is of another version of Isotherm")
    }
    exchanging = try symbol("exchange", as: Exchange.self)
    gathering = try symbol("gather", as: Exchange.self)
    broadcasting = try symbol("broadcast", as: Broadcast.self)
    maximizing = try symbol("maximum", as: Maximum.self)
    finishing = try symbol("finish", as: Finish.self)
    aborting = try symbol("abort", as: Abort.self)
    let naming = try symbol("version", as: Version.self)
    var (own, all) = (Int32(0), Int32(0))
    guard try symbol("start", as: Start.self)(&own, &all) == 0 else {
      throw problem("MPI does not start")
    }
    (rank, size) = (Int(own), Int(all))
    var text = [CChar](repeating: 0, count: 256)
    _ = naming(&text)
    version = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func exchange(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer) {
    check(exchanging(own, Int64(bytes), all))
  }

  func gather(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer) {
    check(gathering(own, Int64(bytes), all))
  }

  func broadcast(_ values: UnsafeMutableRawPointer, bytes: Int) {
    check(broadcasting(values, Int64(bytes)))
  }

  func maximum(_ value: Int32) -> Int32 {
    var value = value
    check(maximizing(&value))
    return value
  }

  /// MPI ends the processes itself at nearly every failure; what it reports instead leaves no way to go on either.
  private func check(_ error: Int32) {
    if error != 0 { abort(1) }
  }

  /// Leaves in good order, together with all others.
  func finish() { _ = finishing() }

  /// Ends all processes, now.
  func abort(_ status: Int32) -> Never {
    _ = aborting(status)
    _exit(status)
  }
}
