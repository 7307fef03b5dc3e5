extension Integration {
  /// A method of problem files. A new one is a stepper in a file of its own, and its line below.
  public struct Method: Sendable, Hashable, CaseIterable, RawRepresentable {
    /// How its steps are made.
    enum Kind: Sendable {
      /// Steps of one length, of first order in time.
      case fixed(any SemilinearStepper)
      /// Step control: Dormand & Prince.
      case adaptive
      /// Steps of one length, of second order in time: the leapfrog.
      case secondOrder
    }

    /// Its name in problem files.
    public let rawValue: String
    let kind: Kind

    private init(_ name: String, _ kind: Kind) { (rawValue, self.kind) = (name, kind) }
    private init(_ stepper: any SemilinearStepper) { self.init(stepper.name, .fixed(stepper)) }

    /// Explicit Runge-Kutta methods.
    public static let euler = Self(ExplicitStepper(.euler)), heun = Self(ExplicitStepper(.heun)),
      rk4 = Self(ExplicitStepper(.rungeKutta4))
    /// Step control.
    public static let dopri5 = Self("dopri5", .adaptive)
    /// Implicit in the diffusion.
    public static let crankNicolson = Self(CrankNicolson()),
      imexEuler = Self(ImplicitExplicitEuler()), imexSecond = Self(ImplicitExplicitSecond())
    /// Splittings of diffusion and everything else.
    public static let lie = Self(Splitting.lie), strang = Self(Splitting.strang)
    /// Exact in the diffusion.
    public static let exponential = Self(ExponentialRungeKutta())
    /// Second order in time.
    public static let leapfrog = Self("leapfrog", .secondOrder)

    /// Every method, in the order in which messages list them.
    public static let allCases: [Self] = [
      euler, heun, rk4, dopri5, crankNicolson, imexEuler, imexSecond, lie, strang, exponential,
      leapfrog,
    ]

    /// The method of this name; nil for an unknown one.
    public init?(rawValue: String) {
      guard let method = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
      self = method
    }

    /// Whether two are one method: their names are.
    public static func == (a: Self, b: Self) -> Bool { a.rawValue == b.rawValue }
    /// Hashes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

    /// One step as a formula; see ``SemilinearStepper/formula``.
    public var formula: String {
      switch kind {
      case .fixed(let stepper): stepper.formula
      case .adaptive:
        "the pair of orders 5 and 4 of Dormand and Prince (1980); a step is taken where the difference of both orders, in the root mean "
          + "square over all numbers, each over the largest |u - u(0)| so far of the numbers of its channel, is within the tolerance; the "
          + "next is 0.9 error^(-1/5) as long, error over tolerance, at most five times."
      case .secondOrder:
        "v½ = v + Δt f(u)/2, u⁺ = u + Δt v½, v⁺ = v½ + Δt f(u⁺)/2 (Störmer and Verlet)."
      }
    }

    /// Whether it works with diffusion's modes, whose eigenvectors are n² numbers an axis of n cells.
    public var usesModes: Bool { stepper?.usesModes ?? false }
    /// Whether it chooses its own steps.
    public var isAdaptive: Bool { if case .adaptive = kind { true } else { false } }
    /// Whether it is for equations of second order in time.
    public var isSecondOrder: Bool { if case .secondOrder = kind { true } else { false } }

    /// The stepper of a semilinear problem; nil for step control and the wave equation's.
    public var stepper: (any SemilinearStepper)? {
      if case .fixed(let stepper) = kind { stepper } else { nil }
    }
  }
}
