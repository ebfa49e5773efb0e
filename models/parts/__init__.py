"""What sits below the papers' choices; no part imports a paper.

contract, batch          the interface of all models, and what they read
temporal, sentences      sequences cut and sampled; recurrent states; sentences read by a GRU
transformer, clip        stacks of blocks, BERT, CLIP's two towers
attention, pairs         one stream over another; cross-encoders of every pair
stacked, graphs, words   words over frames; semantic roles; ids of special tokens
multilevel, dual         Dual Encoding's levels; a plain dual encoder
s3d                      blocks of a 3-D convolutional tower
pooling, netvlad         steps to one vector
nested                   parts of wholes: sentences of paragraphs, segments of videos
gating, spaces           an encoder's last layer
similarity, losses       scores; terms of ranking losses
memory, gradients        memory bank; reversal, straight-through codes
masked                   masked words and frames, and heads that guess them
official                 official weights under our names
"""
