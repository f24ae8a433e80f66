// GIC
