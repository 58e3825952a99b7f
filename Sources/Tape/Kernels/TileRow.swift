/// Neighbouring numbers of a row, in one register or a few.
protocol TileRow {
  /// The registers that it takes on the widest processor.
  static var registers: Int { get }
  init()
  /// Loads as many as there are, those beyond the last column too.
  init(_ pointer: UnsafePointer<Double>)
  /// Adds `factor · entries`, fused where the processor can: elsewhere fusing is a slow call.
  mutating func add(_ factor: Double, _ entries: Self)
  mutating func scale(_ factor: Double, thenAdd addend: Self)
  /// Stores the first `width`, or all if they are fewer.
  func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int)
}

extension SIMD where Scalar == Double {
  @inline(__always)
  init(_ pointer: UnsafePointer<Double>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: Self.self)
  }

  static var registers: Int { 1 }

  @inline(__always)
  mutating func add(_ factor: Double, _ entries: Self) {
    add(Self(repeating: factor), entries)
  }

  @inline(__always)
  mutating func add(_ factors: Self, _ entries: Self) {
    #if FUSED_MULTIPLY_ADD
      addProduct(factors, entries)
    #else
      self += factors * entries
    #endif
  }

  @inline(__always)
  mutating func scale(_ factor: Double, thenAdd addend: Self) {
    self = addend + factor * self
  }

  @inline(__always)
  func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int) {
    if width >= scalarCount {
      UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Self.self)
    } else {
      for lane in 0..<width { pointer[lane] = self[lane] }
    }
  }
}

extension SIMD4: TileRow where Scalar == Double {}
extension SIMD8: TileRow where Scalar == Double {}

#if AVX512_KERNELS
  /// Sixteen numbers in two registers.
  struct Pair: TileRow {
    var low = SIMD8<Double>()
    var high = SIMD8<Double>()

    static var registers: Int { 2 }

    @inline(__always) init() {}

    @inline(__always)
    init(_ pointer: UnsafePointer<Double>) {
      low = SIMD8(pointer)
      high = SIMD8(pointer + 8)
    }

    @inline(__always)
    mutating func add(_ factor: Double, _ entries: Pair) {
      low.add(factor, entries.low)
      high.add(factor, entries.high)
    }

    @inline(__always)
    mutating func scale(_ factor: Double, thenAdd addend: Pair) {
      low.scale(factor, thenAdd: addend.low)
      high.scale(factor, thenAdd: addend.high)
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int) {
      low.store(pointer, width)
      if width > 8 { high.store(pointer + 8, width - 8) }
    }
  }
#endif
