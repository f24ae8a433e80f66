// How often this process has allocated memory, by whatever name.
unsigned long allocation_count(void);
