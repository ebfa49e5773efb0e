"""The words of the captions: several synonyms for each fact, and hypernyms of things."""

NOUNS = {
    "ball": ("ball", "sphere", "globe"),
    "box": ("box", "cube", "block"),
    "pyramid": ("pyramid", "triangle", "cone"),
    "diamond": ("diamond", "rhombus", "kite"),
    "cross": ("cross", "plus"),
    "ring": ("ring", "hoop", "circle"),
    "moon": ("moon", "crescent"),
    "plank": ("plank", "bar", "board"),
}
ABOVE = ("thing", "object", "shape", "figure")
COLOURS = {
    "red": ("red", "crimson"),
    "orange": ("orange", "amber"),
    "yellow": ("yellow", "golden"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "purple": ("purple", "violet"),
    "white": ("white", "pale"),
    "black": ("black", "dark"),
}
SIZES = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
TEXTURES = {
    "plain": ("plain",),
    "striped": ("striped", "lined"),
    "dotted": ("dotted", "spotted"),
}
MANNERS = {
    "slowly": ("slowly", "gently", "calmly"),
    "quickly": ("quickly", "rapidly", "hastily"),
}
PLACES = {
    "meadow": ("in a meadow", "on the grass", "in a field"),
    "beach": ("on the beach", "by the sea"),
    "desert": ("in the desert", "on the sand"),
    "street": ("in the street", "on a road"),
    "snow": ("in the snow", "on a snowy plain"),
    "room": ("in a room", "on the floor"),
}
# present, participle of the present, participle of the past (with what follows it)
VERBS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "jump": (("jumps", "jumping", ""), ("hops", "hopping", ""), ("bounces", "bouncing", "")),
    "swell": (("swells", "swelling", ""), ("grows", "growing", ""), ("inflates", "inflating", "")),
    "flash": (("flashes", "flashing", ""), ("glows", "glowing", ""), ("shines", "shining", "")),
    "fade": (("fades away", "fading away", ""), ("vanishes", "vanishing", "")),
    "sway": (("sways", "swaying", ""), ("wobbles", "wobbling", ""), ("rocks", "rocking", "")),
    "sink": (("sinks", "sinking", ""), ("drops", "dropping", ""), ("dives", "diving", "")),
    "push": (("pushes", "pushing", "pushed"), ("shoves", "shoving", "shoved")),
    "circle": (("circles", "circling", "circled"), ("orbits", "orbiting", "orbited")),
    "lift": (("lifts", "lifting", "lifted"), ("raises", "raising", "raised")),
    "vault": (
        ("jumps over", "jumping over", "jumped over"),
        ("leaps over", "leaping over", "leapt over"),
    ),
    "cover": (("covers", "covering", "covered"), ("hides", "hiding", "hidden")),
    "chase": (("chases", "chasing", "chased"), ("follows", "following", "followed")),
}
