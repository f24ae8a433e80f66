internal import HostKernel
internal import Software

/// A flow that somebody carries out: its steps, and how far it has come.
struct Activity {
  var steps: [PendingStep]
  var next = 0
}

/// A step with the software whose step it is.
enum PendingStep {
  case guest(Step<Never>)
  case vmm(Step<HostCall>)
  case host(Step<Never>)
}
