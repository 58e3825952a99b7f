import Meta

/// `ledger`: which derivative paths first order cuts, where, and what each is worth.
let ledgerCommand = Command(
  name: "ledger",
  summary: "Takes exact minus first order apart, by inner step and by parameter",
  operands: "[FILE]", operandCount: 0...1,
  options: [.family, .seed("of the problem made here"), .json] + Command.Option.table,
  details: """
    The paths through the inner gradients add up to exact minus first order. A term's length is that of
    the vector that its path adds to the meta-gradient; terms may cancel, so lengths do not add up.
    \(NamedProblem.helpWithPolicies)
    """,
  example: "autodiff-demo ledger Tests/Fixtures/relu-5steps.json --family anil"
) { arguments in
  let named = try arguments.adaptingProblem(memory: 3)
  let ledger = named.problem.ledger()
  return Answer(
    arguments.has("--json")
      ? try json(Named(named.name, ledger)) : ledger.text(titled: named.name))
}
