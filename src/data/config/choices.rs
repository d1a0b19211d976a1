//! The named choices among the settings of a dataset, each with a sentence for whoever chooses.

crate::choices! {
    /// How samples get the network's input size.
    pub enum Sampling {
        Resize = "resize": "The whole image, made larger or smaller.",
        Crop = "crop": "Pieces of the image at its own resolution, padded where it is smaller; validation covers all of it.",
    }
}

crate::choices! {
    /// What becomes of the images that are left over at the end of an epoch. A batch of another size
    /// would have a GPU look for its kernels anew.
    pub enum LastBatch {
        Drop = "drop": "Left out; every epoch leaves out others.",
        Pad = "pad": "Filled up with other images whose pixels are all ignored: every image is seen in every epoch.",
    }
}

crate::choices! {
    /// How pixel values become network input.
    pub enum Normalize {
        Fixed = "fixed": "From −2 (black) to 2 (white), the same for every dataset.",
        Dataset = "dataset": "Zero mean and unit deviation over the training images, channel by channel; counted once.",
        Image = "image": "Zero mean and unit deviation in each image by itself: for scans whose grey values mean nothing.",
    }
}

crate::choices! {
    /// How training masks are resized. Only one way is right; the other is there to be looked at.
    pub enum MaskResize {
        Nearest = "nearest": "Nearest neighbour: no class appears that was not there.",
        Bilinear = "bilinear": "A mistake on purpose: class numbers are blended like brightness, so that borders get classes of their own. Validation masks stay exact.",
    }
}

crate::choices! {
    /// What the target holds where a class is. Only one is right; the other is there to be looked at.
    pub enum MaskValues {
        Ones = "ones": "1 where the class is, 0 elsewhere.",
        Bytes = "bytes": "A mistake on purpose: 255 where the class is, as a mask file of 0 and 255 holds it.",
    }
}

crate::choices! {
    /// How a folder is arranged.
    pub enum LayoutName {
        Auto = "auto": "Found out from names and tables; the most specific that fits.",
        NnUnet = "nnunet": "nnU-Net or Medical Segmentation Decathlon: dataset.json, imagesTr, labelsTr.",
        Datumaro = "datumaro": "dataset_meta.json beside images and masks.",
        Cityscapes = "cityscapes": "leftImg8bit and gtFine; training ids are preferred.",
        Voc = "voc": "Pascal VOC, CVAT or labelme2voc: JPEGImages and SegmentationClass.",
        SegNet = "segnet": "Lists with an image and a mask per line.",
        Roboflow = "roboflow": "x_mask.png beside x.jpg, and _classes.csv.",
        Coco = "coco": "A JSON file of images, annotations and categories.",
        CocoStuff = "coco-stuff": "images/train2017 and annotations/train2017.",
        Ade20k = "ade20k": "images/training and annotations/training.",
        Mmseg = "mmseg": "img_dir and ann_dir.",
        Pet = "pet": "Oxford-IIIT Pet: images and annotations/trimaps.",
        DeepMib = "deepmib": "TrainImages and TrainLabels, or Images and Labels below 1_Training.",
        Dsb2018 = "dsb2018": "A folder per image with images and masks, one mask per object.",
        Csv = "csv": "A table with the columns image and mask, and perhaps split.",
        LabelMe = "labelme": "A JSON file of shapes beside each image.",
        Pairs = "pairs": "Folders or names that say image and mask; the same name otherwise.",
    }
}

impl LayoutName {
    /// What has to be there, in words.
    #[must_use]
    pub fn needs(self) -> &'static str {
        crate::param::Choice::helps(&self)[crate::param::Choice::index(&self)]
    }
}

crate::choices! {
    /// Across which axis stacks are cut into pictures.
    pub enum SliceAxis {
        Auto = "auto": "Where slices lie farthest apart, else where there are fewest.",
        First = "first": "Sagittal in anatomical files: slices from left to right.",
        Second = "second": "Coronal in anatomical files: slices from back to front.",
        Third = "third": "Axial in anatomical files, pages of a TIFF: slices from below to above.",
    }
}

crate::choices! {
    /// Which of two overlapping objects is on top.
    pub enum Overlap {
        Smaller = "smaller": "The smaller object.",
        Later = "later": "The object that comes later in the file.",
    }
}

crate::choices! {
    /// What decides which items validate.
    pub enum SplitBy {
        Own = "own": "The dataset's own train and validation lists or folders; drawn by ratio where it has none.",
        Ratio = "ratio": "A seeded draw.",
        List = "list": "A text file that names the images that validate.",
    }
}

crate::choices! {
    /// Which items a drawn split keeps together.
    pub enum GroupBy {
        None = "none": "Each image by itself.",
        Folder = "folder": "Images of one folder stay together.",
        Prefix = "prefix": "Images whose file names begin alike stay together.",
        Number = "number": "Images whose file names hold the same first number stay together: `Image_01L` and `Image_01R`.",
    }
}
