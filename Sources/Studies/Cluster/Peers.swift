import Archive
import Arrays
import Console
import Foundation
import Kernels
import Synchronization

/// The processes of one run: one alone, or those that mpirun or srun started.
public final class Peers: Sendable {
  /// What they send each other.
  public let collective: any Collective
  private let library: MPILibrary?
  private let ends = Mutex(false)

  /// Whether this process writes and prints.
  public var isFirst: Bool { collective.isFirst }
  /// How many there are.
  public var count: Int { collective.size }

  /// One process alone.
  public init() { (collective, library) = (SingleProcess(), nil) }

  private init(_ library: MPILibrary) { (collective, self.library) = (library, library) }

  /// Joins the others where mpirun or srun started several. Call it before anything is opened.
  /// - Throws: ``StudyError`` when the library that joins them is missing, or when they differ in processor, OpenBLAS kernels or program
  ///   and not `mixed`: their sums would not have the bits of one of them.
  public static func join(mixed: Bool) throws -> Peers {
    guard let started = launched, started > 1 else { return Peers() }
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let name = "libisotherm-mpi.so"
    let path =
      ProcessInfo.processInfo.environment["ISOTHERM_MPI"]
      ?? own.deletingLastPathComponent().appendingPathComponent(name).path
    guard FileManager.default.fileExists(atPath: path) else {
      throw StudyError(
        message:
          "started as one of \(started) processes, but \(path) is not there: tools/build-mpi makes it with this cluster's mpicc"
      )
    }
    let peers = try Peers(MPILibrary(path))
    do {
      guard peers.count == started else {
        throw StudyError(
          message:
            "started as one of \(started) processes, but \(path) knows of \(peers.count): it was made for another MPI than the one that "
            + "starts them; make it anew with tools/build-mpi, its mpicc in front")
      }
      try peers.compare(mixed)
    } catch {
      peers.finish()
      throw error
    }
    return peers
  }

  /// Number of processes that the launcher says it has started; nil where there was none. Open MPI, MPICH and its kin, Slurm.
  private static var launched: Int? {
    let environment = ProcessInfo.processInfo.environment
    // A batch script's own process knows of tasks too, but is none of a step.
    let slurm = environment["SLURM_STEP_ID"] != nil ? environment["SLURM_STEP_NUM_TASKS"] : nil
    return [environment["OMPI_COMM_WORLD_SIZE"], environment["PMI_SIZE"], slurm]
      .compactMap { $0.flatMap { Int($0) } }.first
  }

  /// Processes of the same machine, as far as the launcher says.
  public static var local: Int {
    let environment = ProcessInfo.processInfo.environment
    return ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"]
      .compactMap { environment[$0].flatMap { Int($0) } }.first ?? 1
  }

  /// - Throws: ``StudyError`` when the processes differ in what decides the bits of their sums.
  private func compare(_ mixed: Bool) throws {
    let facts = [
      ("processor", Self.processor), ("kernels of OpenBLAS", BLASCore.name),
      ("program", Self.programHash),
    ]
    for (words, value) in facts {
      var bytes = [UInt8](value.utf8.prefix(128))
      bytes += [UInt8](repeating: 0, count: 128 - bytes.count)
      let all = collective.gathered(bytes).map {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let other = all.firstIndex(where: { $0 != all[0] }), !mixed else { continue }
      throw StudyError(
        message:
          "process \(other) has another \(words) than process 0 («\(all[other])», «\(all[0])»): sums would not have the bits "
          + "of either alone; choose nodes of one kind, or pass --allow-mixed and give that up")
    }
  }

  /// Makes sure that all processes were told the same.
  /// - Throws: ``StudyError`` at all of them, naming what differs.
  func requireSame(_ facts: [(words: String, value: String)]) throws {
    guard count > 1 else { return }
    for (words, value) in facts {
      var bytes = Array(value.utf8)
      let hash = bytes.withUnsafeMutableBytes { Checksum.value(UnsafeRawBufferPointer($0)) }
      let all = collective.gathered([hash]).map { $0[0] }
      guard let other = all.firstIndex(where: { $0 != all[0] }) else { continue }
      together()
      throw StudyError(
        message:
          "process \(other) has another \(words) than process 0; start all of them with one command, and with the same files"
      )
    }
  }

  private static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").first { $0.hasPrefix("model name") }.map(String.init) ?? ""
  }

  private static var programHash: String {
    guard
      let data = try? Data(
        contentsOf: URL(fileURLWithPath: "/proc/self/exe"), options: .mappedIfSafe)
    else { return "" }
    return Checksum.fnv(data.withUnsafeBytes { $0 })
  }

  /// Runs `body` at the first process; its value, or its failure, is everybody's.
  /// - Throws: what `body` throws; ``FailedElsewhere`` at the others.
  public func agree<Value: BitwiseCopyable>(else empty: Value, _ body: () throws -> Value) throws
    -> Value
  {
    var failure: (any Error)?
    var value = empty
    if isFirst {
      do { value = try body() } catch { failure = error }
    }
    let failed = collective.fromFirst({ Int32(failure == nil ? 0 : 1) }, else: 0)
    if failed != 0 { together() }
    if let failure { throw failure }
    if failed != 0 { throw FailedElsewhere() }
    return collective.fromFirst({ value }, else: empty)
  }

  /// The signal that all end by: one that any of them had received when the last of them asked; 0 for none. A later one waits for the
  /// next time, so that nobody ends alone.
  func sharedSignal() -> Int32 {
    guard count > 1 else { return StopRequest.signal }
    let signal = collective.maximum(StopRequest.signal)
    guard signal != 0 else { return 0 }
    StopRequest.post(signal)
    together()
    return signal
  }

  /// Takes note that every process throws now.
  func together() { ends.withLock { $0 = true } }

  /// - Throws: ``StudyError`` when the processes have come to different weights.
  func compare(_ weights: UnsafeRawBufferPointer, step: Int) throws {
    guard count > 1 else { return }
    let all = collective.gathered([Checksum.value(weights)]).map { $0[0] }
    guard let other = all.firstIndex(where: { $0 != all[0] }) else { return }
    together()
    throw StudyError(
      message:
        "after step \(step) process \(other) has other weights than process 0: a machine computes otherwise than the others; what was "
        + "committed before is kept, go on with --resume on other nodes")
  }

  /// Leaves in good order, with all others.
  public func finish() { library?.finish() }

  /// Leaves after `error`: in good order where all processes have thrown, else by ending all of them: they would wait for this one.
  /// Returns the exit status of another than the first process, which says nothing.
  /// - Throws: the error, at the first process.
  public func leave(after error: any Error) throws -> Int32 {
    guard let library else { throw error }
    guard ends.withLock({ $0 }) else {
      Console.note(
        "isotherm: process \(library.rank) of \(library.size): \(Console.message(for: error))")
      library.abort(1)
    }
    library.finish()
    if isFirst { throw error }
    return (error as? Interrupted).map { 128 + $0.signal } ?? 1
  }
}

/// The first process has failed, and has said why.
public struct FailedElsewhere: Error, CustomStringConvertible {
  /// Where to look.
  public var description: String { "the first process has failed" }
}

/// A hash that tells machines apart that compute otherwise: FNV-1a (Fowler, Noll, Vo) over words of eight bytes. Nothing is protected by it.
enum Checksum {
  static func value(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    let words = bytes.count / 8
    for word in 0..<words {
      hash =
        (hash ^ bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) &* 0x100_0000_01b3
      // Multiplication carries upwards only: the upper half comes back into the lower.
      hash ^= hash >> 32
    }
    for byte in bytes[(8 * words)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  static func fnv(_ bytes: UnsafeRawBufferPointer) -> String { String(value(bytes), radix: 16) }
}
