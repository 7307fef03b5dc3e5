// swift-tools-version: 6.3
import PackageDescription

// Warnings of our own targets are errors with the compilers these sources are kept clean with. A newer one may warn of more, and
// must not keep anybody from building.
#if compiler(<6.4)
  let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .treatWarning("DeprecatedDeclaration", as: .warning),
  ]
#else
  let strict: [SwiftSetting] = []
#endif
// Every Swift target is built for the processor at hand: without `-march=native` a `SIMD16<Float>` is
// four SSE registers instead of one AVX-512 register, and softmax loses a factor of seven.
let native =
  strict + [
    .unsafeFlags(["-Xcc", "-march=native"], .when(configuration: .release))
  ]
// Where it pays the checks of caller bugs are dropped in release too: neighbour searches take half the time, other targets gained nothing
// (measured on training, kde, the field steppers and figures). What must trap there says `requireOfCaller`.
let hot =
  strict + [
    .unsafeFlags(["-Ounchecked", "-Xcc", "-march=native"], .when(configuration: .release))
  ]

let system: [Target] = [
  .systemLibrary(name: "CHDF5", pkgConfig: "hdf5-serial", providers: [.apt(["libhdf5-dev"])]),
  .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
  .systemLibrary(name: "CCairo", pkgConfig: "cairo-ft", providers: [.apt(["libcairo2-dev"])]),
  .systemLibrary(
    name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
  .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  // Only isotherm-bench links it: it counts heap allocations.
  .target(name: "CAllocationCount"),
  .target(name: "CFont", exclude: ["DejaVuSans.ttf", "DejaVuSans.LICENSE"]),
]

let core: [Target] = [
  .target(name: "Arrays", swiftSettings: native),
  .target(name: "Kernels", dependencies: ["Arrays", "COpenBLAS"], swiftSettings: hot),
  .target(name: "HDF5", dependencies: ["Arrays", "CHDF5"], swiftSettings: native),
]

let science: [Target] = [
  .target(name: "Transformer", dependencies: ["Arrays", "Kernels"], swiftSettings: native),
  .target(
    name: "Dynamics", dependencies: ["Arrays", "Kernels", "Transformer"], swiftSettings: native),
  .target(name: "Information", dependencies: ["Arrays", "Kernels"], swiftSettings: hot),
  .target(name: "Metrics", dependencies: ["Arrays", "Kernels"], swiftSettings: native),
]

let storage: [Target] = [
  .target(
    name: "Archive",
    dependencies: [
      "Arrays", "HDF5", "CDeflate", "CCrypto", .product(name: "Yams", package: "Yams"),
    ], swiftSettings: native),
  .target(name: "Corpora", dependencies: ["Arrays", "Kernels", "Archive"], swiftSettings: native),
  // Networks that others trained: their files, and what they compute.
  .target(
    name: "Checkpoints", dependencies: ["Arrays", "HDF5", "CDeflate"], swiftSettings: native),
  .target(
    name: "PretrainedNetworks", dependencies: ["Arrays", "Kernels", "Checkpoints"],
    swiftSettings: native),
]

let presentation: [Target] = [
  .target(
    name: "Figures", dependencies: ["Arrays", "CCairo", "CDeflate", "CPNG", "CFont"],
    swiftSettings: native),
  .target(
    name: "Console",
    dependencies: [
      "Arrays", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: native),
  // What isotherm-analyze computes: archives in, tables and arrays of metrics out.
  .target(
    name: "Analyses", dependencies: ["Arrays", "Kernels", "Metrics", "Archive", "Console"],
    swiftSettings: native),
  .target(
    name: "Studies",
    dependencies: [
      "Arrays", "Kernels", "Transformer", "Dynamics", "Information", "Metrics", "Archive",
      "Corpora", "Console", "Checkpoints", "PretrainedNetworks",
      .product(name: "Yams", package: "Yams"),
    ], swiftSettings: native),
]

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + [
      "Console", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ], swiftSettings: native)
}

let programs: [Target] = [
  program("isotherm", ["Studies", "Archive", "Kernels"]),
  program(
    "isotherm-archive", ["Archive", .product(name: "GRDB", package: "GRDB.swift")]),
  program("isotherm-analyze", ["Analyses", "Archive"]),
  program("isotherm-plot", ["Archive", "Figures"]),
  // Our side of tools/bench; not installed.
  program(
    "isotherm-bench",
    [
      "Archive", "Arrays", "CAllocationCount", "Dynamics", "Figures", "Information", "Kernels",
      "Transformer",
    ]),
]

func tests(
  _ target: String, _ dependencies: [Target.Dependency] = [], excluding: [String] = []
) -> Target {
  .testTarget(
    name: target + "Tests", dependencies: [.init(stringLiteral: target)] + dependencies,
    exclude: excluding, swiftSettings: native)
}

let tests: [Target] = [
  // Seeded choices and bad input for the tests of several targets.
  .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: native),
  tests("Arrays"), tests("Kernels"), tests("HDF5", ["Arrays"]), tests("Transformer", ["Kernels"]),
  tests("Dynamics", ["Kernels", "Transformer"]), tests("Information", ["Kernels"]),
  tests("Metrics", ["Arrays", "Kernels"]), tests("Archive", ["Arrays", "HDF5", "Kernels"]),
  tests("Analyses", ["Archive", "Console", "Kernels"]),
  tests("Corpora", ["Archive"], excluding: ["wordpiece-vectors.json"]),
  tests("Figures", ["Kernels"], excluding: ["golden"]), tests("Console"),
  tests("Studies", ["Archive", "Console", "TestSupport", "Transformer"]),
  tests("Checkpoints", ["Arrays", "HDF5", "TestSupport"]),
  tests(
    "PretrainedNetworks", ["Arrays", "Kernels", "Checkpoints"], excluding: ["networks"]),
  .testTarget(
    name: "ProgramTests", dependencies: ["Archive", "Kernels", "TestSupport"],
    exclude: [
      "help", "open-with-others.py", "open-with-r.R", "open-with-octave.m", "compare-exports.py",
      "power-cut.py", "power-trace.c", "full-disk.c", "foreign-objects.py", "compare-arrays.py",
      "compare-capture.py", "saved-arrays.py", "stored-forms.py", "stored-ids.py",
      "exported-forward.py", "slurm-stub.sh",
    ],
    swiftSettings: native),
]

let package = Package(
  name: "Isotherm",
  products: [
    .executable(name: "isotherm", targets: ["isotherm"]),
    .executable(name: "isotherm-archive", targets: ["isotherm-archive"]),
    .executable(name: "isotherm-analyze", targets: ["isotherm-analyze"]),
    .executable(name: "isotherm-plot", targets: ["isotherm-plot"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: system + core + science + storage + presentation + programs + tests,
  swiftLanguageModes: [.v6]
)
