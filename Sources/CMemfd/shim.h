// memfd_create(2) stands behind _GNU_SOURCE in <sys/mman.h>, which Swift's Glibc module does not
// define.
#pragma once

int memfd_create(const char *name, unsigned int flags);

static const unsigned int doorbell_memfd_cloexec = 1; // MFD_CLOEXEC
