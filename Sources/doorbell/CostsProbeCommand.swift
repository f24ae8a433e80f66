import ArgumentParser
import Console
import Replay
import Reports
import Timing

struct CostsProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Print a shell script that measures what is not published yet.",
    discussion: """
      The script traces a Linux host while its guests work, with nothing but tracefs: exits, the ITS's \
      commands, the SMMU's CMD_SYNC, a vPE's residency, injections with and without a cached \
      translation. 'doorbell costs fit' reads what it writes. The time of a vLPI, from the device's \
      write to the guest's handler, needs a device that notes its own time; the script says how.

      EXAMPLES
        doorbell costs probe > probe.sh
        sh probe.sh 10 > host-trace.txt
        doorbell costs fit host-trace.txt --platform "my machine" -o my.yaml

      EXIT STATUS
        0.
      """
  )

  func run() throws { try Output.write(Self.script) }

  /// The script; the functions are those that are read.
  static let script =
    """
    #!/bin/sh
    # Traces this host for SECONDS (10) while its guests work; as root, with tracefs mounted.
    # Run it twice: exits and functions in one trace slow each other down.
    #   sh probe.sh 10 events > events.txt
    #   sh probe.sh 10 functions > functions.txt
    set -eu
    seconds=${1:-10}
    what=${2:-events}
    cd /sys/kernel/tracing
    echo 0 > tracing_on
    echo > trace
    trap 'echo 0 > tracing_on; echo nop > current_tracer; echo 0 > events/enable' EXIT
    if [ "$what" = events ]; then
      # From an exit to the next entry: a hypercall, an access that KVM emulates, one that the VMM does.
      for event in kvm/kvm_exit kvm/kvm_entry kvm/kvm_mmio kvm/kvm_userspace_exit irq/irq_handler_entry; do
        echo 1 > "events/$event/enable" || echo "no event $event" >&2
      done
    else
      # ITS commands, CMD_SYNC, residency, injections.
      : > set_graph_function
    \(CostTraceParser.functions.map { """
      echo \($0.function) >> set_graph_function || echo "no function \($0.function)" >&2
    """ }.joined(separator: "\n"))
      echo 1 > max_graph_depth
      echo function_graph > current_tracer
    fi
    echo 1 > tracing_on
    sleep "$seconds"
    echo 0 > tracing_on
    cat trace
    # A vLPI's latency: let a device with a clock of its own (PTP on a NIC) note when it writes its MSI, let
    # the guest note CLOCK_REALTIME, set by that clock, in its handler (irq_handler_entry), and compare
    # GICv4 on (kvm-arm.vgic_v4_enable=1) with off.

    """
}
