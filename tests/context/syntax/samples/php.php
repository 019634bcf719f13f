<?php
declare(strict_types=1);
namespace App\Shapes;

use Lib\Base;
use Lib\Tools as T;
use Lib\{Point, Pair as P, Sub\Third};
use function Lib\helper;
use const Lib\MAX;
use A\B, C\D as E;
require_once "boot.php";
require __DIR__ . '/conf.php';

const LIMIT = 3;
define('OTHER', 4);

/**
 * A shape.
 *
 * More.
 */
#[Attribute]
abstract class Shape extends Base implements IShape, \Countable
{
    use Comparable, Other;
    public const SIDES = 4, MORE = 5;
    private ?Point $origin = null, $second;
    public static int $count = 0;

    /** Makes it. */
    public function __construct(private string $name, protected int $size = 1) { $this->name = $name; }

    // Measures it.
    public function area(float $scale = 1.0, Point ...$rest): float
    {
        $total = helper($scale);
        foreach ($rest as $key => $point) { $point?->draw(); }
        $f = fn(int $x): int => $x * 2;
        $g = function ($y) use ($total, &$f) { return $y; };
        try { static::run(); } catch (Failed | Lost $error) { }
        [$a, $b] = pair();
        for ($i = 0; $i < 3; $i++) { }
        global $config;
        static $kept = 1;
        return Scale::of(new Point(1), new \Lib\Big)->value($total);
    }
    abstract protected function hidden();
}
interface IShape extends Sized { const Z = 1; public function area(float $scale): float; }
trait Comparable { public function compare(self $other): int { return 0; } }
enum Color: string implements HasLabel { case Red = 'r'; case Green = 'g'; public function label(): string { return 'x'; } }
function helper(int $x): int { return \App\other($x); }
