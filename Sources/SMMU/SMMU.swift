// SMMU
