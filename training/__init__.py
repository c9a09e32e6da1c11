"""Fine-tuning of the Mask R-CNN models with Detectron2, and their export to bundles."""
