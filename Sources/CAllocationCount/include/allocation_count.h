#pragma once
/// Heap allocations of this process since its start, on all threads. Linking this target replaces malloc and its kin by
/// functions that count and then call glibc's.
long isotherm_allocation_count(void);
