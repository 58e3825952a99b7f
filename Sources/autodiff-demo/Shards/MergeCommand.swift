/// `merge`: the answer of a run from the shards that computed it.
let mergeCommand = Command(
  name: "merge",
  summary: "Joins the shards of a run, and answers as the run on one machine",
  operands: "DIR", operandCount: 1...1,
  options: [
    .json,
    .init(
      name: "--csv", value: "FILE", help: "of a study: also write the numbers as a table",
      role: .output),
    .init(name: "--svg", value: "FILE", help: "also draw them", role: .output),
    .init(
      name: "--curves", value: "FILE", help: "of train: write the numbers as a table of commas",
      role: .output),
    .init(
      name: "--out", value: "FILE", help: "of train: write the problem at the trained point",
      role: .output),
  ],
  details: """
    DIR is where the shards lie that the same command has left with --shard 1/N to --shard N/N and --out DIR. What they
    computed, and from which words, stands in them; a FILE or a table is read again, and has to be the same. What is
    printed, written and drawn is, byte by byte, what one process had printed without --shard. Shards that are missing,
    damaged or of another setting are named. docs/cluster.md has scripts for Slurm, GNU parallel and Kubernetes.
    """,
  example: "autodiff-demo merge shards --svg sinusoid.svg"
) { arguments in
  let folder = arguments.operands[0]
  let shards = try naming("merge \(folder)") { try MergedShards(folder: folder) }
  let name = shards.setting.command
  guard let command = AutodiffDemo.commands.first(where: { $0.name == name }) else {
    throw UserError("merge \(folder): is of '\(name)', which is no command")
  }
  let output = try arguments.outputsGiven.map { option in
    guard command.options.contains(where: { $0.name == option.name && $0.role == .output }) else {
      throw UserError("merge \(folder): \(name) has no \(option.name) to write")
    }
    return [option.name, arguments.value(option.name)].compactMap(\.self)
      .filter { !$0.isEmpty }.joined(separator: "=")
  }
  return try command.run(Arguments(shards, output: output, for: command))
}
