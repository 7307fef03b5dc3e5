import Archive
import Foundation
import TestSupport
import Testing

/// A run that was killed anywhere, and goes on, ends as one that was never stopped.
///
/// Some cases and places of the matrix, drawn by a seed; `ISOTHERM_LONG=1` takes all.
@Suite struct ResumeTests {
  /// Settings that end or change a run, by what they are about.
  private static let cases: [(name: String, settings: [String], isText: Bool)] = [
    ("patience", patience + ["training.patience=2"], false),
    ("patience just reached", patience + ["training.patience=1"], false),
    ("divergence recorded", diverging + ["training.divergence=record"], false),
    (
      "divergence recorded within an epoch",
      diverging + ["training.divergence=record", "capture.every=2"], false
    ),
    ("divergence", diverging + ["capture.every=2"], false),
    ("within epochs", ["capture.every=3"], false),
    ("plain", [], false),
    ("accumulation", ["training.accumulate=3"], false),
    ("dropout", ["model.dropout=0.2", "capture.every=2"], false),
    ("validation", ["training.validation=0.2", "training.label_smoothing=0.1"], false),
    ("sgd", ["training.optimizer=sgd", "training.schedule=linear", "training.warmup=0.5"], false),
    ("constant", ["training.schedule=constant", "training.warmup=0", "training.decay=1"], false),
    (
      "bottleneck",
      ["training.bottleneck_layer=0", "training.bottleneck_weight=0.01", "capture.every=5"], false
    ),
    ("refinement", ["model.refine=[{kind: diffusion}, {kind: wave, after: 0}]"], false),
    ("float16", ["capture.type=float16"], false),
    ("bfloat16", ["capture.type=bfloat16", "capture.taps=[\"*\", \"gradient.*\"]"], false),
    ("class token", ["model.pool=class", "model.norm=post", "capture.samples=1"], false),
    ("parts kept", ["capture.every=1"], false),
    ("byte pairs", ["capture.every=2"], true),
    ("next token", ["data.task=next", "model.tied=true"], true),
    ("bytes", ["data.tokenizer=bytes"], true),
    ("WordPiece", ["data.tokenizer=wordpiece", "data.vocabulary_file=v.txt"], true),
    ("rotary", ["model.positions=rotary", "model.causal=true"], true),
  ]
  private static let patience = [
    "training.validation=0.2", "training.rate=0.1", "training.schedule=constant",
    "training.epochs=12",
  ]
  private static let diverging = [
    "model.norm=none", "training.rate=100", "training.clip=1e12", "training.optimizer=sgd",
    "training.warmup=0", "training.schedule=constant", "model.layers=3",
  ]

  /// Kills the program under test before (even) or after (odd) a change of names in a folder: a part, the index, the sealed file;
  /// lists the changes when it is not killed.
  private static let killer = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <signal.h>
    #include <stdatomic.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    static atomic_int count;
    static void die(const char *path, int after) {
      const char *folder = getenv("KILL_FOLDER"), *place = getenv("KILL_AT"), *list = getenv("KILL_LIST");
      if (!folder || strncmp(path, folder, strlen(folder))) return;
      int now = 2 * (after ? count - 1 : count++) + after;
      if (place && now == atoi(place)) kill(getpid(), SIGKILL);
      FILE *file = list && !after ? fopen(list, "a") : NULL;
      if (file) fprintf(file, "%s\\n", path), fclose(file);
    }
    int rename(const char *from, const char *to) {
      int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
      die(to, 0);
      int result = real(from, to);
      die(to, 1);
      return result;
    }
    int unlink(const char *path) {
      int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
      die(path, 0);
      int result = real(path);
      die(path, 1);
      return result;
    }
    """

  static let isLong = ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == "1"

  @Test func `every option resumes to the bits of a run never stopped, wherever it was killed`()
    throws
  {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5")
      try SmallData.passages(folder + "/t.h5")
      try SmallData.vocabulary(folder + "/v.txt")
      let library = try Programs.library(folder, Self.killer, "kill")
      let studies = (
        image: try SmallData.study(folder), text: try SmallData.study(folder, text: true)
      )
      var random = SeededChoice(20)
      let chosen =
        Self.isLong
        ? Array(Self.cases.indices)
        : Array(0..<6) + random.places(5, below: Self.cases.count - 6).map { $0 + 6 }
      var killed = 0
      for index in chosen {
        let (name, settings, isText) = Self.cases[index]
        // Commits by the clock and merges come at other places each time; a run that is over is killed at one place.
        let isOver = name.contains("patience") || name.contains("recorded")
        let arguments =
          ["train", isText ? studies.text : studies.image] + settings.flatMap { ["--set", $0] }
          + (isOver ? [] : ["--commit-seconds", "0.01", "--part-limit", "4"])
          + (name == "parts kept" ? ["--keep-parts"] : [])
        func train(_ out: String, _ more: [String], _ environment: [String] = []) throws
          -> Programs.Outcome
        {
          try Programs.run(
            "/usr/bin/env",
            ["LD_PRELOAD=\(library)", "KILL_FOLDER=\(out)"] + environment
              + [Programs.folder + "/isotherm"] + arguments + ["-o", out] + more, in: folder)
        }
        func begin(_ out: String, _ environment: [String]) throws -> Programs.Outcome {
          for end in [".h5", ".run", ".h5.sealing"] {
            try? FileManager.default.removeItem(atPath: out + end)
          }
          return try train(out, [], environment)
        }
        try? FileManager.default.removeItem(atPath: folder + "/list")
        let (fails, out) = (name == "divergence", folder + "/r")
        let whole = try begin(folder + "/whole", ["KILL_LIST=\(folder)/list"])
        #expect(whole.status == (fails ? 1 : 0), "\(name): \(whole.errors)")
        let reference = try Contents(folder + "/whole")
        let changes = try String(contentsOfFile: folder + "/list", encoding: .utf8)
          .split(separator: "\n")
        // The last moment at which the run was over, and not sealed.
        let end = 2 * (changes.lastIndex { $0.hasSuffix("/index.h5") } ?? 0) + 1
        let places =
          Self.isLong ? Array(0..<2 * changes.count) : isOver ? [end] : random.places(1, below: end)
        for (number, place) in places.enumerated() {
          let first = try begin(out, ["KILL_AT=\(place)"])
          guard first.status == SIGKILL else { continue }
          killed += 1
          // Every second one is killed again on its way on.
          if number % 2 == 1 {
            _ = try train(out, ["--resume"], ["KILL_AT=\(random.places(1, below: 9)[0])"])
          }
          let last = try train(out, ["--resume"])
          #expect(last.status == (fails ? 1 : 0), "\(name) at \(place): \(last.errors)")
          #expect(try Contents(out) == reference, "\(name), killed at \(place)")
          let seconds = try RunReader(out).read("/progress/seconds", as: Double.self).elements
          #expect(seconds == seconds.sorted(), "\(name) at \(place): the time goes back")
          if fails { continue }
          #expect(
            FileManager.default.fileExists(atPath: out + ".run") == (name == "parts kept"),
            "\(name) at \(place)")
          guard number == 0 else { continue }
          let again = try train(out, ["--resume"])
          #expect(
            again.status == 0 && again.errors.contains("complete already"), "\(again.errors)")
        }
      }
      #expect(killed > chosen.count / 2)
      if Self.isLong { print("\(chosen.count) kinds of run, killed \(killed) times") }
    }
  }

  /// What a run holds, by path: the values of the sealed file, or of the folder it left.
  struct Contents: Equatable {
    var hashes: [String: String] = [:]

    init(_ name: String) throws {
      let reader = try RunReader(name)
      for path in try reader.paths()
      where !path.hasPrefix("/provenance/") && !path.hasSuffix("seconds") {
        hashes[path] = try reader.hashOfValues(path)
        guard let stored = try reader.describe(path).sha256 else { continue }
        #expect(stored == hashes[path], "\(name):\(path)")
      }
    }
  }

  @Test func `a run killed at random moments goes on to the same bits`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5", train: 1000)
      let arguments =
        ["train", try SmallData.study(folder), "--commit-seconds", "0.01", "--part-limit", "4"]
        + ["--set", "capture.every=8", "--set", "model.dropout=0.1"]
      let clock = ContinuousClock.now
      let whole = try Programs.run("isotherm", arguments + ["-o", folder + "/whole"])
      try #require(whole.status == 0, "\(whole.errors)")
      let length = (ContinuousClock.now - clock) / .seconds(1)
      let reference = try Contents(folder + "/whole")
      var random = SeededChoice(21)
      for trial in 0..<(Self.isLong ? 60 : 2) {
        for more in [["--force"], ["--resume"]] {
          let process = Process()
          process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
          process.arguments = arguments + ["-o", folder + "/r"] + more
          process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
          process.environment = ProcessInfo.processInfo.environment.filter {
            $0.key != "OPENBLAS_CORETYPE"
          }
          process.standardError = FileHandle.nullDevice
          process.standardOutput = FileHandle.nullDevice
          try process.run()
          usleep(UInt32(1e6 * length * Double(random.places(1, below: 1000)[0]) / 1000))
          kill(process.processIdentifier, SIGKILL)
          process.waitUntilExit()
        }
        let last = try Programs.run("isotherm", arguments + ["-o", folder + "/r", "--resume"])
        #expect(last.status == 0, "trial \(trial): \(last.errors)")
        #expect(try Contents(folder + "/r") == reference, "trial \(trial)")
      }
    }
  }

  @Test func `a replacement killed before its first commit goes on without being asked again`()
    throws
  {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5", train: 1000)
      let arguments = ["train", try SmallData.study(folder), "--commit-seconds", "1000"]
      let place = folder + "/r"
      let whole = try Programs.run("isotherm", arguments + ["-o", place])
      try #require(whole.status == 0, "\(whole.errors)")
      let reference = try Contents(place)
      let process = try RawProgram(
        "isotherm", arguments + ["-o", place, "--force"], in: Programs.root
      ).start()
      let began = Date()
      while !FileManager.default.fileExists(atPath: place + ".run/schema.json"),
        Date().timeIntervalSince(began) < 30
      { usleep(200) }
      kill(process, SIGKILL)
      _ = RawProgram.wait(process, seconds: 10)
      try #require(!FileManager.default.fileExists(atPath: place + ".run/index.h5"))
      let refused = try Programs.run("isotherm", arguments + ["-o", place])
      #expect(refused.status == 1 && refused.errors.contains("exists already"))
      let resumed = try Programs.run("isotherm", arguments + ["-o", place, "--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(try Contents(place) == reference)
    }
  }

}

/// A clock that is set while a run goes on.
@Suite struct ClockTests {
  private static let clock = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stddef.h>
    #include <sys/time.h>
    #include <time.h>
    static int (*real)(clockid_t, struct timespec *);
    static struct timespec start;
    static void begin(void) __attribute__((constructor));
    static void begin(void) {
      real = dlsym(RTLD_NEXT, "clock_gettime");
      real(CLOCK_MONOTONIC, &start);
    }
    int clock_gettime(clockid_t which, struct timespec *time) {
      struct timespec now;
      if (!real) begin();
      int result = real(which, time);
      real(CLOCK_MONOTONIC, &now);
      double passed = now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) * 1e-9;
      if (which == CLOCK_REALTIME && passed > 0.4) time->tv_sec -= 86400;
      return result;
    }
    int gettimeofday(struct timeval *restrict time, void *restrict zone) {
      struct timespec now;
      int result = clock_gettime(CLOCK_REALTIME, &now);
      time->tv_sec = now.tv_sec;
      time->tv_usec = now.tv_nsec / 1000;
      return result;
    }
    time_t time(time_t *place) {
      struct timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      if (place) *place = now.tv_sec;
      return now.tv_sec;
    }
    """

  @Test func `a clock set back a day stops no commit and turns no time`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5", train: 2000)
      let library = try Programs.library(folder, Self.clock, "clock")
      let outcome = try Programs.run(
        "/usr/bin/env",
        ["LD_PRELOAD=\(library)", Programs.folder + "/isotherm", "train"]
          + [try SmallData.study(folder), "-o", folder + "/r", "--commit-seconds", "0.1"]
          + ["--progress", "json", "--set", "training.epochs=60"]
          + ["--set", "capture.every=1000000"])
      try #require(outcome.status == 0, "\(outcome.errors.suffix(400))")
      let reader = try RunReader(folder + "/r")
      let times = try ["started", "finished"].map {
        try reader.readTexts("/provenance/\($0)").first ?? ""
      }
      #expect(times[1] < times[0], "the clock was not set back: \(times)")
      let seconds = try reader.read("/progress/seconds", as: Double.self).elements
      #expect(seconds == seconds.sorted() && seconds.allSatisfy { (0..<600).contains($0) })
      let commits = outcome.errorLines.filter { $0.contains(#""event":"commit""#) }.count
      #expect(
        Double(commits) > (seconds.last ?? 0) / 0.1 / 4, "\(commits) in \(seconds.last ?? 0) s")
      #expect((seconds.last ?? 0) > 0.8, "too fast to see the clock go back")
    }
  }
}
