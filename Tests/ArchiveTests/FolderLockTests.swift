import Archive
import Foundation
import Synchronization
import Testing

/// One writer a folder, with the system's lock, without one, and over machines that it does not reach.
@Suite struct FolderLockTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  /// A process of another machine.
  private func other(_ host: String, job: String = "") -> LockHolder {
    var holder = LockHolder.current
    (holder.host, holder.boot, holder.job) = (host, "boot of \(host)", job)
    return holder
  }

  /// Fast terms; `failing` is what the system's lock answers.
  private func terms(failing number: Int32? = nil, interval: Double = 0.05) -> FolderLock.Terms {
    var terms = FolderLock.Terms()
    (terms.interval, terms.patience, terms.settling) = (interval, 0.6, 0.1)
    if let number { terms.lock = { _ in number } }
    return terms
  }

  /// Makes a folder's lock file name `holder`, as if that process had taken it and were gone.
  private func leave(_ holder: LockHolder, in folder: String) throws {
    try withFolder { scratch in
      let lock = try FolderLock(scratch, as: holder)
      let text = try String(contentsOfFile: scratch + "/.lock", encoding: .utf8)
      try text.write(toFile: folder + "/.lock", atomically: false, encoding: .utf8)
      lock.release()
    }
  }

  private func refusal(_ body: () throws -> FolderLock) -> String {
    do {
      _ = try body()
      return "taken"
    } catch { return "\(error)" }
  }

  @Test func `a folder that is held is refused with who holds it`() throws {
    try withFolder { folder in
      let lock = try FolderLock(folder)
      let text = refusal { try FolderLock(folder) }
      #expect(
        text.contains("is being written by another process (process \(getpid()) on "), "\(text)")
      lock.release()
      #expect(refusal { try FolderLock(folder) } == "taken")
    }
  }

  @Test(arguments: [ENOSYS, ENOLCK, EOPNOTSUPP, EIO, ESTALE, EINVAL])
  func `without a lock of the system the lease keeps others out`(number: Int32) throws {
    try withFolder { folder in
      let terms = terms(failing: number)
      let lock = try FolderLock(folder, as: .current, terms)
      let text = refusal { try FolderLock(folder, as: .current, terms) }
      #expect(text.contains("(process \(getpid()) on "), "\(text)")
      try lock.check()
      lock.release()
      // Given back: nobody waits.
      let began = Date()
      #expect(refusal { try FolderLock(folder, as: .current, terms) } == "taken")
      #expect(Date().timeIntervalSince(began) < 0.5)
    }
  }

  @Test func `a process of this machine that is gone is not waited for`() throws {
    try withFolder { folder in
      var dead = LockHolder.current
      dead.born = "1"
      try leave(dead, in: folder)
      let began = Date()
      let lock = try FolderLock(folder, as: .current, terms(failing: ENOSYS))
      #expect(Date().timeIntervalSince(began) < 0.5)
      try lock.check()
      lock.release()
    }
  }

  @Test func `a machine of the same name, or with another clock, is another machine`() throws {
    try withFolder { folder in
      var holder = other("n1")
      holder.host = LockHolder.current.host
      let first = try FolderLock(folder, as: holder, terms(failing: 0))
      var times = [
        timespec(tv_sec: 1_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000, tv_nsec: 0),
      ]
      #expect(utimensat(AT_FDCWD, folder + "/.lock", &times, 0) == 0)
      #expect(refusal { try FolderLock(folder, as: .current, terms()) } != "taken")
      try first.check()
    }
  }

  /// Whether the system's lock fails, or holds on one machine only.
  @Test(arguments: [ENOSYS, 0])
  func `a writer on another machine is left alone while it lives`(number: Int32) throws {
    try withFolder { folder in
      let first = try FolderLock(folder, as: other("n1", job: "12_3"), terms(failing: number))
      let text = refusal { try FolderLock(folder, as: other("n2"), terms(failing: number)) }
      #expect(text.contains("on n1, since ") && text.contains("Slurm job 12_3"), "\(text)")
      try first.check()
    }
  }

  @Test(arguments: [ENOSYS, 0])
  func `a writer that was silent loses the folder, and stops`(number: Int32) throws {
    try withFolder { folder in
      let silent = try FolderLock(
        folder, as: other("n1"), terms(failing: number, interval: 1000))
      let second = try FolderLock(folder, as: other("n2"), terms(failing: number))
      try second.check()
      let error = #expect(throws: ArchiveError.self) { try silent.check() }
      #expect(error?.message.contains("was taken over by another process (process ") == true)
      // What it gives back is no longer its own.
      silent.release()
      try second.check()
      #expect(FolderLock.read(folder)?.host == "n2")
    }
  }

  @Test func `of many that find a lease run out one takes it`() throws {
    try withFolder { folder in
      let silent = try FolderLock(
        folder, as: other("n0"), terms(failing: ENOSYS, interval: 1000))
      let taken = Mutex<[FolderLock]>([])
      let terms = terms(failing: ENOSYS)
      DispatchQueue.concurrentPerform(iterations: 4) { index in
        guard let lock = try? FolderLock(folder, as: other("n\(index + 1)"), terms) else { return }
        taken.withLock { $0.append(lock) }
      }
      let holders = taken.withLock { $0 }.filter { (try? $0.check()) != nil }
      #expect(holders.count == 1)
      #expect(throws: ArchiveError.self) { try silent.check() }
    }
  }

  @Test func `a recorder whose folder was taken over writes nothing more, and removes nothing`()
    throws
  {
    try withFolder { folder in
      let place = RunPlace(folder + "/a")
      let schema = RunSchema(
        .run, title: "test",
        arrays: [
          ArraySchema(
            "/progress/loss", .float64, [.growing("step")], longName: "loss", units: "nat")
        ], provenance: Provenance(configuration: "x: 1\n", seed: 3, blasCore: "none"))
      for commits in 0..<2 {
        let recorder = try Recorder(place, schema, replacing: true)
        for _ in 0..<commits {
          try recorder.append("/progress/loss", [1.0])
          try recorder.finish()
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: place.folder).sorted()
        try leave(other("n2"), in: place.folder)
        try recorder.append("/progress/loss", [2.0])
        let error = #expect(throws: ArchiveError.self) { try recorder.finish() }
        #expect(error?.message.contains("on n2") == true)
        recorder.abandon()
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: place.folder).sorted() == names)
        #expect(FolderLock.read(place.folder)?.host == "n2")
      }
    }
  }
}
