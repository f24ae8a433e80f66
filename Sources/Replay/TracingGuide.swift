/// Guide to recording a machine so that `replay` and `record pack` can read what it did.
package enum TracingGuide {
  /// Events that tell what a device's driver or controller did beside those that replay reads.
  private static let companions = [
    "smmu_ptw_page_pte", "smmu_ptw_block_pte", "smmu_ptw_invalid_pte", "smmuv3_trigger_irq",
    "gicv3_its_badread", "gicv3_its_badwrite", "gicv3_its_dte_write", "gicv3_its_ite_write",
    "gicv3_its_cte_write",
  ]

  /// The trace events of QEMU to enable, one for each line of its `-trace events=FILE`.
  ///
  /// Those that are read (`TraceEventKind`), under the names of all versions, and a few that help
  /// people who read the log.
  package static var events: [String] {
    Set(TraceEventKind.allCases.map(\.rawValue) + companions).sorted()
  }

  /// Instructions for the machine that runs QEMU.
  static let qemu = """
    QEMU: its SMMU and ITS are the recorded hardware
      doorbell record options --events > trace-events.txt
      qemu-system-aarch64 -machine virt,gic-version=3,its=on,iommu=smmuv3 \\
        -msg timestamp=on -d guest_errors,unimp -D qemu-trace.log \\
        -trace events=trace-events.txt ...
      (virtualization=on for a hypervisor inside. QEMU warns of events that it does
      not have: names differ from version to version, 7.2 to 11 are read. Of a QEMU
      built with the 'simple' backend, the output of scripts/simpletrace.py is read
      as well.)
    """

  /// Instructions for the kernel of the machine: events of `iommu`, `irq` and `kvm`, and probes
  /// where no event is. The arguments' registers are those of the functions in Linux 6.12 to 7.3
  /// (`its_msi_prepare`, `its_irq_domain_alloc`, `iommu_dma_prepare_msi`).
  static let ftrace = """
    Linux on it, as root (each line that fails is one that the kernel does not have)
      cd /sys/kernel/tracing
      echo 65536 > buffer_size_kb
      for e in iommu/map iommu/unmap iommu/attach_device_to_domain \\
        iommu/add_device_to_group irq/irq_handler_entry irq/irq_handler_exit \\
        kvm/kvm_set_irq kvm/kvm_irq_line kvm/vgic_update_irq_pending
      do echo 1 > events/$e/enable; done
      echo 'p:its_prepare its_msi_prepare nvec=%x2:s32' >> kprobe_events
      echo 'p:its_alloc its_irq_domain_alloc virq=%x1:u32 nr=%x2:u32' >> kprobe_events
      echo 'p:iommu_msi iommu_dma_prepare_msi doorbell=%x1:x64' >> kprobe_events
      echo 1 > events/kprobes/enable
      ... use the device ...
      cat trace > ftrace.txt
    """

  static let files = """
    Files of Linux worth keeping, as root, in the folder guest/after (and
    guest-l2/after of a guest inside it); 'doorbell diagnose' takes each of them
      mkdir -p guest/after guest/acpi; cd guest/after
      dmesg > ../dmesg.txt; cat /proc/version > ../version
      cat /proc/interrupts > interrupts
      lspci -Dxxxx > lspci-xxxx.txt; lspci -Dvvv > lspci-vvv.txt
      for g in /sys/kernel/iommu_groups/*; do echo "group ${g##*/} type=$(cat $g/type)"
        for d in $g/devices/*; do echo "  device ${d##*/}"; done
        sed 's/^/  resv /' $g/reserved_regions; done > iommu_groups.txt
      grep . /proc/irq/*/*affinity_list /sys/devices/system/cpu/{online,possible} \
        > affinities.txt
      cp /sys/firmware/acpi/tables/{IORT,APIC,MCFG,DSDT} ../acpi/   (with ACPI)
      cp /sys/firmware/fdt ../fdt.dtb                      (with a device tree)
    """

  static let next = """
    Then
      doorbell diagnose FOLDER                   what is wrong, and why
      doorbell iort guest/acpi                   the firmware's tables
      doorbell replay FOLDER                     the machine's story
      doorbell replay --check FOLDER             the emulator beside it
      doorbell record pack FOLDER -o FILE.jsonl  a recording for scenarios
    """

  package static var text: String {
    [qemu, ftrace, files, next].joined(separator: "\n\n") + "\n"
  }
}
