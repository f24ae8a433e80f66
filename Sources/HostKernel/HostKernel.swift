// HostKernel
