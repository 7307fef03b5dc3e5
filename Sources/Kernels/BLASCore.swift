import COpenBLAS
import Foundation

/// Which kernels OpenBLAS chose when it loaded. They decide both speed and the last bit of every product, so a
/// run's provenance names them.
public enum BLASCore {
  /// The name OpenBLAS gives its kernels, for example `Cooperlake` or `Haswell`.
  public static var name: String { String(cString: openblas_get_corename()) }

  /// Version and build options.
  public static var build: String { String(cString: openblas_get_config()) }

  /// A line for the user when an environment variable forces kernels older than the processor; nil when not.
  public static var warning: String? {
    guard let forced = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] else { return nil }
    let flags =
      (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains("avx512f") ?? false
    guard flags, ["haswell", "zen", "sandybridge", "nehalem"].contains(forced.lowercased()) else {
      return nil
    }
    return "OPENBLAS_CORETYPE=\(forced) forces \(name) kernels on a processor with AVX-512: "
      + "about half the speed; unset it unless results must match another machine's bits"
  }
}
