// Designs
